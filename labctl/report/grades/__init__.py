"""Grades, written for those who read them: students, teachers, and their systems. All pure."""
