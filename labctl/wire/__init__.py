"""Packets -> flows -> pictures, sentences and files. Pure: bytes in, models and text out."""
