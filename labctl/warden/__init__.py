"""The process that holds a lab of the local engine, and all that it needs. It imports nothing of
labctl's other parts.
"""
