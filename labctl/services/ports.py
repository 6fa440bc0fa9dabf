"""The ports of a scripted server: who listens there, and what is done with who comes."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from . import steps
from .connection import Connection, Ended, Gone, Watch
from .events import emit, peer_name
from .lifeline import say_ready
from .settings import WrongScript, mapping, octets, own_address, within
from .yaml_text import load

MOST = 512
"""Connections at once, more than one client may have. One more, and the oldest is cut off: its
client may have gone long ago, behind a firewall that did not let its FIN through.
"""
_QUEUE = 1024
_NEVER = ["never-accept"]
_PORT = re.compile(r"([1-9]\d{0,4})(/udp)?")


@dataclass(frozen=True)
class Listener:
    """A TCP port: what is done with a client's first connection, its second, and so on, and the
    last for all that follow; without any, one that accepts nobody, and whose queue is full.
    """

    port: int
    turns: Sequence[Sequence[steps.Step]]


@dataclass(frozen=True)
class Datagrams:
    """A UDP port; without an answer, one that takes what comes and is silent."""

    port: int
    answer: bytes | None


Port = Listener | Datagrams


def _longest_s() -> float:
    """Return how many seconds a connection may last, so that one whose end is never heard of does
    not stay. It ends without an event, which would fall into the time of some other attempt.
    """
    return float(os.environ.get("LAB_LONGEST_S", "120"))


def parse(text: str) -> list[Port]:
    """Parse the ports of LAB_PORTS. Raise WrongScript for a mistake, with its port and step."""
    return [_port(key, value) for key, value in mapping(load(text)).items()]


def _port(key: object, value: object) -> Port:
    """Parse the script of a port. Raise WrongScript for a mistake."""
    with within(f"port {key}"):
        found = _PORT.fullmatch(str(key))
        if not found or int(found[1]) > 65535:  # noqa: PLR2004
            raise WrongScript("must be a number up to 65535, or NUMBER/udp")
        if found[2]:
            return Datagrams(int(found[1]), _udp_answer(value))
        return Listener(int(found[1]), [] if value == _NEVER else _turns(value))


def _turns(value: object) -> list[Sequence[steps.Step]]:
    """Parse a list of steps, or one for each turn, `{turns: [LIST, LIST]}`. Raise WrongScript for a
    mistake.
    """
    if not isinstance(value, dict):
        return [steps.parse(value)]
    lists = mapping(value, ["turns"]).get("turns")
    if not isinstance(lists, list) or not lists:
        raise WrongScript("turns: must be a list of lists of steps")
    made: list[Sequence[steps.Step]] = []
    for number, each in enumerate(lists, 1):
        with within(f"turn {number}"):
            made.append(steps.parse(each))
    return made


def _udp_answer(value: object) -> bytes | None:
    """Parse the answer to datagrams; None is no answer. Raise WrongScript for a mistake."""
    if value == ["hold"]:
        return None
    if not isinstance(value, list) or len(value) != 1 or list(mapping(value[0])) != ["send"]:
        raise WrongScript("on UDP, must be [{send: TEXT}] or [hold]")
    with within("send"):
        return octets(value[0]["send"])


class Turns:
    """How many connections each client has made to each port in its attempt."""

    def __init__(self) -> None:
        """Begin without connections."""
        self._made: dict[tuple[str, int], int] = {}

    def take(self, address: str, port: int) -> int:
        """Count one more connection of a client to a port, and return how many there were
        before.
        """
        before = self._made.get((address, port), 0)
        self._made[address, port] = before + 1
        return before

    def forget(self, address: str) -> None:
        """Forget a client whose attempt has ended: its next connection is the first again."""
        for key in [key for key in self._made if key[0] == address]:
            del self._made[key]


class Server:
    """All connections to a service."""

    def __init__(self, turns: Turns) -> None:
        """Take the counts of connections, which decide whose turn it is. No port is open yet."""
        self._turns = turns
        self._watch = Watch()
        self._tasks: dict[asyncio.Task[None], None] = {}
        """The oldest first."""

    def listen(self, spec: Listener) -> socket.socket:
        """Listen on a port, and do the steps with each connection."""
        listener = socket.create_server((own_address(), spec.port), backlog=_QUEUE)
        listener.setblocking(False)
        accept = partial(self._accept, listener, spec)
        asyncio.get_running_loop().add_reader(listener, accept)
        return listener

    def _accept(self, listener: socket.socket, spec: Listener) -> None:
        """Accept all waiting connections, and begin to handle each."""
        while True:
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, peer_name(address))
            self._watch.add(connection)
            turn = self._turns.take(address[0], spec.port)
            todo = spec.turns[min(turn, len(spec.turns) - 1)]
            # Not in the task: of many that come at once, some are cut off before theirs begins.
            emit("connect", connection.peer, port=spec.port)
            task = asyncio.create_task(self._handle(connection, todo))
            task.add_done_callback(partial(self._end, connection))
            self._tasks[task] = None
            if len(self._tasks) > MOST:
                oldest = next(iter(self._tasks))
                del self._tasks[oldest]
                oldest.cancel()

    def _end(self, connection: Connection, task: asyncio.Task[None]) -> None:
        """Close a connection whose steps have ended."""
        self._watch.close(connection)
        self._tasks.pop(task, None)

    async def _handle(self, connection: Connection, todo: Sequence[steps.Step]) -> None:
        """Do the steps of a connection, and note who closed it."""
        by = "server"
        try:
            async with asyncio.timeout(_longest_s()):
                await steps.run([*todo, steps.close], connection)
        except (Gone, OSError) as error:
            by = "" if isinstance(error, TimeoutError) else "client"
        except Ended:
            pass
        if by:
            emit("disconnect", connection.peer, by=by)


def fill(spec: Listener) -> list[socket.socket]:
    """Open a port that never accepts: the queue has room for one connection, and that is made here.
    Return the sockets to keep open.
    """
    listener = socket.create_server((own_address(), spec.port), backlog=0)
    return [listener, socket.create_connection(listener.getsockname())]


class Answering(asyncio.DatagramProtocol):
    """Says what came, and answers if it has an answer."""

    def __init__(self, spec: Datagrams) -> None:
        """Take the port's number and its answer."""
        self._spec = spec

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, the one that comes is no subclass of what it implements.
        """Keep the transport: answers go out by it."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a datagram as its port says."""
        text = data[:LONGEST_TEXT].decode("utf-8", "backslashreplace")
        emit("datagram", peer_name(addr), port=self._spec.port, size=len(data), text=text)
        if self._spec.answer is not None:
            self._transport.sendto(self._spec.answer, addr)


LONGEST_TEXT = 200


async def serve(ports: Sequence[Port], turns: Turns) -> None:
    """Open all ports, emit `ready`, and serve for good."""
    server = Server(turns)
    kept: list[object] = []
    for spec in ports:
        if isinstance(spec, Datagrams):
            make = partial(Answering, spec)
            loop = asyncio.get_running_loop()
            kept.append(await loop.create_datagram_endpoint(make, (own_address(), spec.port)))
        elif not spec.turns:
            kept += fill(spec)
        else:
            kept.append(server.listen(spec))
    say_ready()
    await asyncio.Event().wait()
