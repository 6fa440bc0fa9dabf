"""The process that holds a lab of the local engine, and all that it needs. Of labctl's other
parts, it imports what speaks to the kernel of links (labctl/services/netlink.py).
"""
