"""From what was observed to what to expect, and into a scenario's file. Pure, but for
`recorder`, which makes the attempts, and `rewriting`, which writes files.
"""
