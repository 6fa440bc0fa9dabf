"""Writes small files, those of the kernel among them."""

from __future__ import annotations

import os


def write_file(path: str, text: str, *, flags: int = 0) -> None:
    """Write a text to a file, which is there unless the flags of open(2) say otherwise."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)
