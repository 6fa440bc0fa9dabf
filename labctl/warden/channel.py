"""The channel between labctl and a warden: JSON messages with open files, over one socket.

The socket is of the type SEQPACKET, which keeps messages apart, and shows the end of the other
side at once.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

LIMIT = 192 * 1024
"""The most bytes of a message: the kernel takes no more at once."""
_MOST_FILES = 16


class TooLong(Exception):
    """A message has more bytes than the channel carries."""


class Channel:
    """One end of the channel. One thread may send while another one receives."""

    def __init__(self, end: socket.socket) -> None:
        """Take the socket."""
        self._socket = end

    def fileno(self) -> int:
        """Return the socket's descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send a message, with open files. Raise TooLong, or OSError if the other side has gone."""
        data = json.dumps(message).encode()
        if len(data) > LIMIT:
            raise TooLong(f"{len(data)} bytes, where {LIMIT} are possible")
        try:
            socket.send_fds(self._socket, [data], files)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise TooLong(f"{len(data)} bytes, more than this kernel takes") from error
            raise

    def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """Wait for a message, and return it with its open files. Return None if the other side has
        gone.
        """
        try:
            data, files, _, _ = socket.recv_fds(self._socket, LIMIT, _MOST_FILES)
        except ConnectionError:
            return None
        for file in files:
            os.set_inheritable(file, False)
        return (json.loads(data), files) if data else None

    def shut_down(self) -> None:
        """End the channel: both sides see it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this side."""
        self._socket.close()
