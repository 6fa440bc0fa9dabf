"""What a service says: one JSON line an event, on stdout."""

from __future__ import annotations

import json
import sys
import threading
import time

LONGEST = 4096
_LOCK = threading.Lock()


def emit(event: str, peer: str = "", **detail: object) -> None:
    """Write one event to stdout. `at_s` is CLOCK_MONOTONIC, the same in every container of
    a host.
    """
    bounded = {key: _bounded(value) for key, value in detail.items()}
    line = json.dumps({"at_s": time.monotonic(), "event": event, "peer": peer, "detail": bounded})
    with _LOCK:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _bounded(value: object) -> object:
    """Cut a text that is too long for an event: a client may send any length."""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}... ({len(value)} characters)"
    return value


def peer_name(address: object) -> str:
    """Return the name of a socket's peer address: `198.18.0.130:40000`."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
