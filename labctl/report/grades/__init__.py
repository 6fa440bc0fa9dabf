"""Grades as documents for students, teachers and their learning systems. All of it is pure."""
