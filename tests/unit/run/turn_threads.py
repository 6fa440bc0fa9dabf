"""Threads that wait for a turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.unit.fake_engine import LIMIT_S


@contextmanager
def waiting_for(
    turn: Callable[[threading.Event], AbstractContextManager[None]],
) -> Iterator[threading.Event]:
    """A thread that waits for its turn; the event is set once it has it.

    `turn` takes the event that is set when the context ends.
    """
    has_begun, may_end = threading.Event(), threading.Event()

    def take_turn() -> None:
        with turn(may_end):
            has_begun.set()
            may_end.wait(LIMIT_S)

    thread = threading.Thread(target=take_turn)
    thread.start()
    try:
        yield has_begun
    finally:
        may_end.set()
        thread.join()
