"""Grading: from submissions to attempts, and from what was observed to grades."""
