"""A TLS socket that one thread reads while others write."""

from __future__ import annotations

import selectors
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class SharedTLS:
    """The methods of a socket that DockerStream uses, over TLS, for several threads.

    Python's ssl module doesn't keep two threads apart that use one SSLSocket: OpenSSL allows one
    call at a time on a connection. So each call is made under a lock, and no call waits; the
    waiting is done outside the lock.
    """

    def __init__(self, tls: ssl.SSLSocket) -> None:
        """Take the socket, which is not to be used by others from now on."""
        tls.setblocking(False)
        self._tls = tls
        self._timeout: float | None = None
        self._is_shut = False
        self._calling = threading.Lock()
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    def settimeout(self, seconds: float | None) -> None:
        """Set how long `recv` waits; None: without an end."""
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        """Read at most this many bytes; return none at the end. Raise TimeoutError after the
        timeout.
        """
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        with self._reading:
            return self._when_ready(
                lambda: b"" if self._is_shut else self._tls.recv(size), deadline
            )

    def sendall(self, data: bytes) -> None:
        """Write all of these bytes."""
        with self._writing:
            while data:
                data = data[self._when_ready(partial(self._tls.send, data), None) :]

    def shutdown(self, how: int) -> None:
        """End the connection, and return when no other thread reads from it any more. A selector
        would not wake up for a socket that is closed before it looks.
        """
        try:
            with self._calling:
                self._is_shut = True
                self._tls.shutdown(how)
        finally:
            with self._reading:
                pass

    def close(self) -> None:
        """Close the socket; call `shutdown` before."""
        with self._calling:
            self._tls.close()

    def _when_ready(self, call: Callable[[], T], deadline: float | None) -> T:
        """Make a call on the socket under the lock, and return its result. Where the socket is not
        ready for it, wait and make it again. Raise TimeoutError at the deadline.
        """
        while True:
            with self._calling:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    awaited = selectors.EVENT_READ
                except ssl.SSLWantWriteError:
                    awaited = selectors.EVENT_WRITE
            self._wait(awaited, deadline)

    def _wait(self, awaited: int, deadline: float | None) -> None:
        """Wait until the socket can be read or written. Raise TimeoutError at the deadline."""
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        with selectors.DefaultSelector() as selector:
            selector.register(self._tls, awaited)
            selector.select(left)
