"""What is wrong with one submission, said so that its student can put it right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labctl.text import escape_control

_LONGEST = 60
_DAMAGE = (EOFError, OSError, RuntimeError, ValueError, LookupError, OverflowError)
_NO_MEMORY = "Memory usage limit exceeded"
"""lzma has no error of its own for that."""


class Refused(Exception):
    """A submission can't be read, or breaks a rule. `message` is one line, safe to print."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def shown(name: str) -> str:
    """A name that others chose, in quotes: one line, at most 60 characters and `...` of it, and
    what isn't printable as an escape: `\\x1b`, `\\u202e`.
    """
    cut = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
    return f'"{escape_control(cut)}"'


@contextmanager
def damage_refused(what: str, *more: type[Exception]) -> Iterator[None]:
    """Refused, as damaged, for whatever the readers of archives raise where `what` is wrong.

    RuntimeError covers NotImplementedError, ValueError covers wrong UTF-8, and OSError is what bz2
    raises. `more` are errors of one format alone.
    """
    errors: tuple[type[Exception], ...] = (*_DAMAGE, *more)
    try:
        yield
    except errors as error:
        if str(error) == _NO_MEMORY:
            raise Refused(f"{what} takes too much memory to unpack: hand in a zip") from None
        raise Refused(f"{what} is damaged or cut off: pack it anew and hand it in again") from None
