"""Packets -> flows -> ladders, explanations and capture files.

Pure: bytes and models in, models and text out. The way through it: `decode` (bytes -> packets),
`flows` (packets -> flows), and of these `ladder`, `explanation`, `listing` and `pcapng`.
"""
