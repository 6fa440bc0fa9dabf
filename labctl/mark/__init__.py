"""Marks of submissions, made from what was observed of them. Pure.

Each mark says what was expected and what was observed, in words for the student.
"""
