"""Services that live in an event loop. Apart, since the others start faster without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine

from .lifeline import hold

_TURNS = 10
"""Turns of an event loop after which what had come in before is dealt with. A closed connection
takes the longest: it is read, its handler wakes up, closes its side, and its protocol is told."""


def run(
    serving: Coroutine[None, None, None], forget: Callable[[str], None] = lambda _: None
) -> None:
    """Run a service that lives in an event loop, until labctl goes. `forget` is told, in the loop,
    the address of each client whose attempt has ended.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def settle(done: Callable[[], None]) -> None:
            loop.call_soon_threadsafe(after, _TURNS, done)

        def after(turns: int, done: Callable[[], None]) -> None:
            if turns:
                loop.call_soon(after, turns - 1, done)
            else:
                done()

        threading.Thread(target=hold, args=(settle, forget), daemon=True).start()
        await serving

    asyncio.run(main())
