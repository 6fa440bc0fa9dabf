"""SIGINT and SIGTERM: the first one ends what is being done, later ones let it be cleaned up."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from labctl.errors import Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def terminable() -> Iterator[None]:
    """While this lasts, the first signal raises in the main thread: KeyboardInterrupt or
    Terminated. Those that follow are answered with a word, and so can't cut the cleaning short.
    """
    with _handled(_raise):
        yield


@contextmanager
def patient() -> Iterator[None]:
    """While this lasts, signals are answered with a word: we are cleaning up already."""
    with _handled(_answer):
        yield


def _raise(number: int, _frame: FrameType | None) -> None:
    for each in _SIGNALS:
        if signal.getsignal(each) is _raise:
            signal.signal(each, _answer)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def _answer(_number: int, _frame: FrameType | None) -> None:
    # Not through sys.stderr, which may be in the middle of a write that this interrupts.
    with suppress(OSError):
        os.write(2, b"labctl: cleaning up, a moment\n")


@contextmanager
def _handled(handler: _Handler) -> Iterator[None]:
    """SIGINT that is ignored stays so: a shell ignores it for what runs in the background."""
    before = {n: signal.getsignal(n) for n in _SIGNALS}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
