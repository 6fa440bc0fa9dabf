"""How long labctl takes, beside other ways to do the same and beside what the engine alone takes.

`python -m benchmarks`; docs/benchmarks.md says what is measured, and has the last table.
"""
