"""The tie between a container and the labctl that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

from .events import emit

_SET = os.environ.get("LABCTL_LIFELINE", "")
"""`cut`: end when stdin closes; `keep`: stay; empty: started by hand, there is nobody on stdin."""

_ENDS = {signal.SIGTERM, signal.SIGINT}


def _end_on_a_signal() -> None:
    """Wait for a signal, and end the process."""
    signal.sigwait(_ENDS)
    os._exit(0)


def wait_for_go() -> None:
    """Wait until labctl says `go` on stdin, so that no event is lost before it listens.

    Signals are for a thread of their own: a handler is called only between two steps of Python, and
    if one comes just before the main thread goes to sleep, that is never.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    threading.Thread(target=_end_on_a_signal, daemon=True).start()
    if _SET:
        sys.stdin.readline()


def commands() -> Iterator[str]:
    """Yield labctl's commands from stdin, line by line. When labctl has gone, end the process, or
    block for good if the lab is kept.
    """
    if _SET:
        for line in sys.stdin:
            yield line.strip()
    if _SET == "cut":
        os._exit(0)
    threading.Event().wait()


def _now(done: Callable[[], None]) -> None:
    """Call at once: this service has no events under way."""
    done()


def _nothing_kept(_address: str) -> None:
    """Do nothing: this service remembers no client."""


def say_ready(**detail: str) -> None:
    """Write the event `ready`: what clients may ask of this program, it does from now on."""
    cpu_s, waited_s = _processor_times()
    emit("ready", cpu_s=cpu_s, waited_s=waited_s, **detail)


def _processor_times() -> tuple[float, float]:
    """Return how long this process has had a processor so far, and how long it has waited for one,
    in seconds, as the kernel counts it for each thread. Both are 0 where it doesn't.
    """
    ran = waited = 0
    for thread in os.scandir("/proc/self/task"):
        try:
            with open(f"{thread.path}/schedstat", "rb") as file:  # noqa: PTH123 quicker
                words = file.read().split()
        except OSError:
            continue  # the thread has ended
        ran, waited = ran + int(words[0]), waited + int(words[1])
    return ran / 1e9, waited / 1e9


def hold(
    settle: Callable[[Callable[[], None]], None] = _now,
    forget: Callable[[str], None] = _nothing_kept,
) -> None:
    """Stay until labctl closes stdin, and answer its commands `sync TOKEN ADDRESS`.

    The answer is an event `synced`. It comes once all events of what came in before are out, and
    the client of that address is forgotten. `settle` calls its argument when they are out.
    """

    def done(token: str, address: str) -> None:
        forget(address)
        cpu_s, waited_s = _processor_times()
        emit("synced", token=token, cpu_s=cpu_s, waited_s=waited_s)

    for command in commands():
        verb, _, rest = command.partition(" ")
        if verb == "sync":
            token, _, address = rest.partition(" ")
            settle(partial(done, token, address))
