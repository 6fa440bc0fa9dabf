"""The refusal of a submission, with a message that tells the student what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labctl.text import escape_control

_MAX_LENGTH = 60
_DAMAGE = (EOFError, OSError, RuntimeError, ValueError, LookupError, OverflowError)
"""What readers raise: RuntimeError covers NotImplementedError, ValueError covers invalid UTF-8, and
bz2 raises OSError."""
_NO_MEMORY = "Memory usage limit exceeded"
"""The message of lzma at its memory limit; it has no error class for that."""


class RefusalError(Exception):
    """A submission can't be read, or breaks a rule. `message` is one line, safe to print."""

    def __init__(self, message: str) -> None:
        """Take the message, one line that is safe to print."""
        super().__init__(message)
        self.message = message


def quote(name: str) -> str:
    """Return a student's file name in quotes, safe to print: escaped, and cut at 60 characters."""
    short = name if len(name) <= _MAX_LENGTH else f"{name[:_MAX_LENGTH]}..."
    return f'"{escape_control(short)}"'


@contextmanager
def refuse_damage(subject: str, *more: type[Exception]) -> Iterator[None]:
    """Turn the errors of archive readers into RefusalError: `subject` is damaged.

    `more` are errors of one archive format.
    """
    errors: tuple[type[Exception], ...] = (*_DAMAGE, *more)
    try:
        yield
    except errors as error:
        if str(error) == _NO_MEMORY:
            raise RefusalError(
                f"{subject} needs too much memory to unpack: hand in a zip"
            ) from None
        raise RefusalError(
            f"{subject} is damaged or incomplete: pack it again and hand it in again"
        ) from None
