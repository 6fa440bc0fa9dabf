"""What a service says: one JSON line an event, on stdout."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
import time

LONGEST = 4096
_STDERR = 2


class _Output:
    """Stdout, for several threads, and for several processes that share it."""

    def __init__(self) -> None:
        """Begin as a process that has stdout for itself."""
        # Whatever runs in the middle of a line, in the same thread, may not wait for its end.
        self._lock = threading.RLock()
        self._is_writing = False
        self._name = ""
        self._turn: int | None = None

    def share(self, name: str, turn: int) -> None:
        """Put a name in front of every line from now on, and take turns by locking a file."""
        self._name, self._turn = name, turn

    def write(self, line: str) -> None:
        """Write a line in one piece."""
        with self._lock:
            if self._is_writing:
                os.write(_STDERR, line.encode())
                return
            self._is_writing = True
            if self._turn is not None:
                fcntl.lockf(self._turn, fcntl.LOCK_EX)
            try:
                sys.stdout.write(f"{self._name}{line}\n")
                sys.stdout.flush()
            finally:
                self._is_writing = False
                if self._turn is not None:
                    fcntl.lockf(self._turn, fcntl.LOCK_UN)


_OUTPUT = _Output()


def speak_for(service: str, turn: int) -> None:
    """Put the name of a service in front of every event from now on. Other processes write to the
    same stdout, and have the same file `turn` open.
    """
    _OUTPUT.share(f"{service} ", turn)


def emit(event: str, peer: str = "", **detail: object) -> None:
    """Write one event to stdout. `at_s` is CLOCK_MONOTONIC, the same in every container of
    a host.
    """
    bounded = {key: _bounded(value) for key, value in detail.items()}
    _OUTPUT.write(
        json.dumps({"at_s": time.monotonic(), "event": event, "peer": peer, "detail": bounded})
    )


def _bounded(value: object) -> object:
    """Cut a text that is too long for an event: a client may send any length."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}... ({len(value)} characters)"
    return value


def peer_name(address: object) -> str:
    """Return the name of a socket's peer address: `198.18.0.130:40000`."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
