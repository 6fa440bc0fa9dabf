"""One TCP connection of a scripted server. Nothing is read before a step asks for it: asyncio's
transports read ahead, which would hide what happens to bytes that nobody reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from typing import Protocol, final

CHUNK = 64 * 1024
LONGEST = 4096
"""Bytes that are kept of what is read up to a delimiter; what is more is read and thrown away."""


class Gone(Exception):
    """The client has ended the connection."""


class Ended(Exception):
    """The script has ended the connection."""


class Stream(Protocol):
    """Bytes both ways: the connection's own, or those inside of TLS. b"" is the end of them."""

    async def peek(self, most: int) -> bytes:
        """Return up to `most` bytes of what has come, without taking them."""
        ...

    async def take(self, most: int) -> bytes:
        """Take up to `most` bytes of what has come."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of the data."""
        ...

    async def finish(self) -> None:
        """Tell the client that no more bytes follow, if the protocol has a message for it."""


@final
class Plain:
    """The bytes of a non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a socket that does not block."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def peek(self, most: int) -> bytes:
        """Return up to `most` bytes of what has come, without taking them."""
        return await self._receive(most, socket.MSG_PEEK)

    async def take(self, most: int) -> bytes:
        """Take up to `most` bytes of what has come."""
        return await self._receive(most, 0)

    async def _receive(self, most: int, flags: int) -> bytes:
        """Wait for bytes from the socket, and return them."""
        while True:
            try:
                return self._sock.recv(most, flags)
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        """Wait until the socket has bytes to read."""
        ready = asyncio.Event()
        self._loop.add_reader(self._sock, ready.set)
        try:
            await ready.wait()
        finally:
            self._loop.remove_reader(self._sock)

    async def send(self, data: bytes) -> None:
        """Send all of the data."""
        await self._loop.sock_sendall(self._sock, data)

    async def finish(self) -> None:
        """Do nothing: in TCP, the FIN says that no more data comes."""


@final
class Connection:
    """A connection and what is known of its client. `stream` is replaced where TLS begins."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        """Take the socket, and the client's address and port as events have them."""
        self.sock = sock
        self.peer = peer
        self.plain = Plain(sock)
        self.stream: Stream = self.plain
        self._gone = asyncio.Event()
        self._said_all = False

    def hang_up(self, *, broken: bool) -> None:
        """Note that the client has closed its side, or that the connection is `broken`."""
        if broken or not self._said_all:
            self._gone.set()

    async def pause(self, seconds: float | None = None) -> None:
        """Read nothing and say nothing for so many seconds, or for good. Raise Gone if the client
        goes.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)
            raise Gone

    async def read_exactly(self, size: int) -> bytes:
        """Read that many bytes, and return them, but at most the first LONGEST."""
        kept = b""
        while size:
            taken = await self.stream.take(min(size, CHUNK))
            if not taken:
                raise Gone
            size -= len(taken)
            kept += taken[: LONGEST - len(kept)]
        return kept

    async def read_until(self, end: bytes) -> tuple[bytes, int]:
        """Read up to and with a delimiter, and not a byte more. Return at most LONGEST bytes, and
        the size of it all.
        """
        kept, tail, size = b"", b"", 0
        while tail != end:
            seen = await self.stream.peek(CHUNK)
            if not seen:
                raise Gone
            at = (tail + seen).find(end)
            taken = await self.stream.take(len(seen) if at < 0 else at + len(end) - len(tail))
            size += len(taken)
            kept += taken[: LONGEST - len(kept)]
            tail = (tail + taken)[-len(end) :]
        return kept, size

    async def read_all(self) -> tuple[bytes, int]:
        """Read all that comes until the client closes its side. Return at most LONGEST bytes, and
        the size of it all. From here on, only a broken connection means that the client has gone.
        """
        kept, size = b"", 0
        while taken := await self.stream.take(CHUNK):
            size += len(taken)
            kept += taken[: LONGEST - len(kept)]
        self._said_all = True
        self._gone.clear()
        return kept, size

    async def drain(self) -> None:
        """Read and drop what comes until the client has closed its side."""
        while await self.plain.take(CHUNK):
            pass

    async def close(self) -> None:
        """End the sending side, and read until the client ends, so that all that was sent arrives.
        To close with unread input would send a RST, which may overtake a last reply.
        """
        try:
            await self.stream.finish()
            self.sock.shutdown(socket.SHUT_WR)
            await self.drain()
        except OSError:
            pass  # The client was faster.


@final
class Watch:
    """Sees that clients close their side, even where what they sent before stays unread."""

    def __init__(self) -> None:
        """Begin without connections."""
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        asyncio.get_running_loop().add_reader(self._epoll, self._look)

    def add(self, connection: Connection) -> None:
        """Watch one more connection for its end."""
        self._connections[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock, select.EPOLLRDHUP | select.EPOLLET)

    def close(self, connection: Connection) -> None:
        """Stop watching a connection, and close its socket."""
        del self._connections[connection.sock.fileno()]
        connection.sock.close()

    def _look(self) -> None:
        """Tell connections that the client has closed or broken."""
        for number, events in self._epoll.poll(0):
            broken = bool(events & (select.EPOLLHUP | select.EPOLLERR))
            self._connections[number].hang_up(broken=broken)
