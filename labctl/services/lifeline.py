"""The tie between a container and the labctl that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from types import FrameType

from .events import emit

_SET = os.environ.get("LABCTL_LIFELINE", "")
"""`cut`: end when stdin closes; `keep`: stay; empty: started by hand, there is nobody on stdin."""
_TURNS = 10
"""Turns of an event loop after which what had come in before is dealt with. A closed connection
takes the longest: it is read, its handler wakes up, closes its side, and its protocol is told."""


def _end(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)


def wait_for_go() -> None:
    """Return when labctl listens, so that no event is lost before it does."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    if _SET:
        sys.stdin.readline()


def commands() -> Iterator[str]:
    """What labctl says, a line each; ends the process, or blocks for good, when it has gone."""
    if _SET:
        for line in sys.stdin:
            yield line.strip()
    if _SET == "cut":
        os._exit(0)
    threading.Event().wait()


def _now(done: Callable[[], None]) -> None:
    done()


def hold(settle: Callable[[Callable[[], None]], None] = _now) -> None:
    """Stay until labctl goes. `sync WORD` is answered with an event `synced`, after all events of
    what came in before: `settle` calls its argument when they are out.
    """
    for command in commands():
        verb, _, word = command.partition(" ")
        if verb == "sync":
            settle(partial(emit, "synced", word=word))


def run(serving: Coroutine[None, None, None]) -> None:
    """Run a service that lives in an event loop, until labctl goes."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def settle(done: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(after, _TURNS, done)

        def after(turns: int, done: Callable[[], None]) -> None:
            if turns:
                loop.call_soon(after, turns - 1, done)
            else:
                done()

        threading.Thread(target=hold, args=(settle,), daemon=True).start()
        await serving

    asyncio.run(main())
