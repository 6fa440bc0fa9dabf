"""What goes wrong in a warden, in words."""

from __future__ import annotations

import os


def describe(error: BaseException) -> str:
    """Return what an exception says: for one of the system, the reason and what it is about."""
    if isinstance(error, OSError) and error.errno is not None:
        reason = error.strerror or os.strerror(error.errno)
        return f"{error.filename}: {reason}" if error.filename else reason
    return str(error) or type(error).__name__
