"""SIGINT and SIGTERM: the first one ends the work, and later ones do not disturb the clean-up.

All of this changes the signal handlers of the process, and works in its main thread only.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from labctl.errors import Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], None]


class _Deferral:
    """Whether signals wait, and the one that does."""

    is_active = False
    waiting: BaseException | None = None


_deferral = _Deferral()


@contextmanager
def terminable() -> Iterator[None]:
    """Let the first signal inside the block raise KeyboardInterrupt or Terminated in the main
    thread. Later ones only print a line, so that they cannot end the clean-up early.
    """
    with _handled(_raise):
        yield


@contextmanager
def patient() -> Iterator[None]:
    """Let signals inside the block print a line and do nothing else, because the clean-up has begun
    already.
    """
    with _handled(_answer):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Let a signal that `terminable` would raise wait until the block ends, and raise it then.

    Inside it, a block of `interruptible` raises it at once. Outside of the main thread, this does
    nothing.
    """
    if _deferral.is_active or threading.current_thread() is not threading.main_thread():
        yield
        return
    _deferral.is_active = True
    try:
        yield
    finally:
        _deferral.is_active = False
        _raise_waiting()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal inside the block raise at once, although `deferred` is around it; also one that
    came before.
    """
    if not _deferral.is_active or threading.current_thread() is not threading.main_thread():
        yield
        return
    _deferral.is_active = False
    try:
        _raise_waiting()
        yield
    finally:
        _deferral.is_active = True


def _raise_waiting() -> None:
    """Raise the signal's exception that was put off, if there is one."""
    waiting, _deferral.waiting = _deferral.waiting, None
    if waiting is not None:
        raise waiting


def _raise(number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt or Terminated for a signal, now or later. Further signals get only an
    answer.
    """
    for each in _SIGNALS:
        if signal.getsignal(each) is _raise:
            signal.signal(each, _answer)
    error = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
    if _deferral.is_active:
        _deferral.waiting = error
    else:
        raise error


def _answer(_number: int, _frame: FrameType | None) -> None:
    """Tell on stderr that labctl is cleaning up."""
    # Not through sys.stderr, which may be in the middle of a write that this interrupts.
    with suppress(OSError):
        os.write(2, b"labctl: cleaning up, a moment\n")


@contextmanager
def _handled(handler: _Handler) -> Iterator[None]:
    """Handle signals inside a block. SIGINT that is ignored stays so, because a shell ignores it
    for programs in the background.
    """
    before = {n: signal.getsignal(n) for n in _SIGNALS}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
