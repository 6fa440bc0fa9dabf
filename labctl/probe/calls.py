"""The client's calls of the system and their times: its audit events (PEP 578)."""

from __future__ import annotations

import sys
from sys import _getframe
from time import monotonic

from .genuine import ClaimedFunction
from .stack import StackReader
from .text import Budget, scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from .genuine import ModuleFiles
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
"""The events to record, and the places of the arguments to keep: hosts, ports, addresses."""
_CALLS_LIMIT = 256
_ROOM = 48 * 1024
_CALL_JSON = 60
_TEXT_LIMIT = 255
_FRAMES_LIMIT = 32
"""How many of a call's innermost library frames are kept."""
_PROBE = __name__.replace(".calls", ".client")
_MARKS = {"gc.get_objects": b"g", "gc.get_referrers": b"g"}


class Calls:
    """Records the calls of the client.

    `on_socket` is called whenever a socket is made. `send_mark` is called when the client looks for
    objects that aren't its own; it must send the mark at once, where the client can't take it back.
    """

    def __init__(
        self,
        filename: str,
        module_files: ModuleFiles,
        on_socket: Callable[[], None],
        send_mark: Callable[[bytes], None],
    ) -> None:
        """Take what stacks are read with, and the functions that are called for new sockets and for
        marks (see the class).
        """
        self.omitted = 0
        self._entries: list[tuple[dict[str, Any], list[ClaimedFunction]]] = []
        self._on_socket, self._send_mark = on_socket, send_mark
        self._budget = Budget(_ROOM)
        self._stacks = StackReader(filename, self._budget, module_files)
        self._started = 0.0

    def start(self, started: float) -> None:
        """Add an audit hook that records calls from now on, with times that count from `started`,
        a time of `monotonic`. A hook can't be taken off again.
        """
        self._started = started
        events, add, on_socket = EVENTS, self._add, self._on_socket
        marks, add_mark = _MARKS, self._add_mark

        def hook(event: str, args: tuple[Any, ...]) -> None:
            # Runs for every import, open and compile: one look-up must do for most.
            if event in events:
                add(event, args)
            elif event == "socket.__new__":
                on_socket()
            elif event in marks:
                add_mark(event)

        sys.addaudithook(hook)

    def _add(self, event: str, args: tuple[Any, ...]) -> None:
        """Record a call, or count it if there is no room left."""
        at = monotonic() - self._started
        if len(self._entries) >= _CALLS_LIMIT or not self._budget.spend(_CALL_JSON):
            self.omitted += 1
            return
        parts = [part for i in EVENTS[event] for part in _parts(args[i])]
        caller = _getframe(2)  # above this one and the hook's
        entry = {
            "at_s": at,
            "event": event,
            "args": [self._budget.scalar(part) for part in parts],
            "line": caller.f_lineno,
        }
        self._entries.append((entry, self._library_frames(caller)))

    def _library_frames(self, frame: FrameType | None) -> list[ClaimedFunction]:
        """Return the functions of libraries on the stack, from a frame outwards, innermost first.
        Frames of the client and of the probe are left out; no frame object is kept.
        """
        functions: list[ClaimedFunction] = []
        while frame is not None and len(functions) < _FRAMES_LIMIT:
            if dict.get(frame.f_globals, "__name__") == _PROBE:
                break
            if not self._stacks.is_client(frame):
                functions.append(ClaimedFunction(frame))
            frame = frame.f_back
        return functions

    def _add_mark(self, event: str) -> None:
        """Send the mark of an event to the supervisor, if the client's own code caused the
        event.
        """
        if self._stacks.is_client(_getframe(2)):
            self._send_mark(_MARKS[event])

    def __len__(self) -> int:
        """Return how many calls are recorded."""
        return len(self._entries)

    def entries(self) -> list[dict[str, Any]]:
        """Return labctl.model.result.Call as dicts; `stack` is None if there was no room for it."""
        entries = self._entries[:]
        for entry, functions in entries:
            if "stack" not in entry:
                entry["stack"] = self._stack(functions)
        return [entry for entry, _ in entries]

    def _stack(self, functions: list[ClaimedFunction]) -> list[str] | None:
        """Return the names of a call's genuine library frames, outermost first. Return None if
        there is no room for them.
        """
        room = self._budget.room
        names = [
            self._stacks.name(function)
            for function in reversed(functions)
            if self._stacks.module_files.is_genuine(function) is not False
        ]
        return names if room and all(names) else None


def _parts(value: object) -> list[Scalar]:
    """Return a scalar, or host and port of an address; no repr, which may run the client's code."""
    values = value[:2] if type(value) is tuple else (value,)
    return [_part(item) for item in values]


def _part(value: object) -> Scalar:
    """Return an argument of a call as a scalar; of other values, only the type."""
    simple, stand_in = scalar(value)
    if not simple:
        return f"<{type(value).__name__[:_TEXT_LIMIT]}>"
    return stand_in[:_TEXT_LIMIT] if type(stand_in) is str else stand_in
