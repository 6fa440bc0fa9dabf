"""What the client asked of the system, when: its audit events (PEP 578) as a time line."""

from __future__ import annotations

import sys
from sys import _getframe
from time import monotonic

from .genuine import Place
from .stack import Stacks
from .text import Budget, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from .genuine import Library
    from .text import Scalar

EVENTS = {
    "socket.getaddrinfo": (0, 1),
    "socket.gethostbyname": (0,),
    "socket.gethostbyaddr": (0,),
    "socket.getnameinfo": (0,),
    "socket.connect": (1,),
    "socket.bind": (1,),
    "socket.sendto": (1,),
    "socket.sendmsg": (1,),
    "smtplib.connect": (1, 2),
    "http.client.connect": (1, 2),
    "ftplib.connect": (1, 2),
    "imaplib.open": (1, 2),
    "poplib.connect": (1, 2),
    "urllib.Request": (0, 3),
}
"""The events recorded, and which of their arguments tell something: hosts, ports, addresses."""
_MOST = 256
_ROOM = 48 * 1024
_CALL_JSON = 60
_TEXT = 255
_FRAMES = 32
"""How many of a call's innermost library frames are kept."""
_PROBE = __name__.replace(".calls", ".client")
_MARKS = {"gc.get_objects": b"g", "gc.get_referrers": b"g"}


class Calls:
    """The time line; `watch` runs whenever a socket is made, `mark` when the client reaches for
    what isn't its own. A mark must be out of its reach at once.
    """

    def __init__(
        self,
        filename: str,
        library: Library,
        watch: Callable[[], None],
        mark: Callable[[bytes], None],
    ) -> None:
        self.omitted = 0
        self._entries: list[tuple[dict[str, Any], list[Place]]] = []
        self._watch, self._mark = watch, mark
        self._budget = Budget(_ROOM)
        self._stacks = Stacks(filename, self._budget, library)
        self._started = 0.0

    def start(self) -> None:
        """Record from now on; times count from now. There is no way to stop."""
        self._started = monotonic()
        wanted, add, watch = EVENTS, self._add, self._watch
        marks, reached = _MARKS, self._reached

        def hook(event: str, args: tuple[Any, ...]) -> None:
            # Runs for every import, open and compile: one look-up must do for most.
            if event in wanted:
                add(event, args)
            elif event == "socket.__new__":
                watch()
            elif event in marks:
                reached(event)

        sys.addaudithook(hook)

    def _add(self, event: str, args: tuple[Any, ...]) -> None:
        at = monotonic() - self._started
        if len(self._entries) >= _MOST or not self._budget.spend(_CALL_JSON):
            self.omitted += 1
            return
        told = [part for i in EVENTS[event] for part in _parts(args[i])]
        caller = _getframe(2)  # above this one and the hook's
        entry = {
            "at_s": at,
            "event": event,
            "args": [self._budget.scalar(part) for part in told],
            "line": caller.f_lineno,
        }
        self._entries.append((entry, self._library_frames(caller)))

    def _library_frames(self, frame: FrameType | None) -> list[Place]:
        """From the innermost outwards. Holds no frame: those may keep sockets open."""
        found: list[Place] = []
        while frame is not None and len(found) < _FRAMES:
            if dict.get(frame.f_globals, "__name__") == _PROBE:
                break
            if not self._stacks.is_client(frame):
                found.append(Place(frame))
            frame = frame.f_back
        return found

    def _reached(self, event: str) -> None:
        if self._stacks.is_client(_getframe(2)):
            self._mark(_MARKS[event])

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[dict[str, Any]]:
        """As labctl.model.result.Call; `stack` is null where there was no room for it."""
        told = self._entries[:]
        for entry, places in told:
            if "stack" not in entry:
                entry["stack"] = self._stack(places)
        return [entry for entry, _ in told]

    def _stack(self, places: list[Place]) -> list[str] | None:
        room = self._budget.room
        names = [
            self._stacks.name(place)
            for place in reversed(places)
            if self._stacks.library.is_genuine(place) is not False
        ]
        return names if room and all(names) else None


def _parts(value: object) -> list[Scalar]:
    """A scalar, or host and port of an address; never a repr, which may be the client's code."""
    values = value[:2] if type(value) is tuple else (value,)
    return [_part(item) for item in values]


def _part(value: object) -> Scalar:
    simple, stand_in = scalar(value)
    if not simple:
        return f"<{type(value).__name__[:_TEXT]}>"
    return stand_in[:_TEXT] if type(stand_in) is str else stand_in
