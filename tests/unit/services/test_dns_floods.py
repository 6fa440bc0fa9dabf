"""A client that asks the lab's name server without a pause: others are answered, and what it asked
is forgotten with it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.query

from labctl.services.dns import MOST_LATE, Datagrams
from labctl.services.zone import Zone
from tests.unit.services.program import Program, running

ZONE = "mail.lab=198.18.0.13"
MANY = 200_000
"""Questions: more than can be answered in the time of this test."""
MAIL = dns.message.make_query("mail.lab", "A")


@contextmanager
def flooded() -> Iterator[tuple[Program, threading.Event]]:
    """A name server with many questions that it does not answer; and whether they are over."""
    wire = dns.message.make_query("silent.lab", "A").to_wire()
    block = (len(wire).to_bytes(2, "big") + wire) * MANY
    over = threading.Event()

    def ask(sock: socket.socket) -> None:
        try:
            sock.sendall(block)
            sock.recv(1)
        except ConnectionError:
            pass
        over.set()

    with running("dns", LAB_ZONE=ZONE, LAB_ANSWERS="silent.lab: silent") as program:
        with socket.create_connection(("127.0.0.1", program.port)) as sock:
            asking = threading.Thread(target=ask, args=(sock,))
            asking.start()
            assert program.event()["detail"]["name"] == "silent.lab"
            reader = threading.Thread(target=_read, args=(program,))
            reader.start()
            yield program, over
            program.process.kill()
            asking.join()
        reader.join()


def _read(program: Program) -> None:
    """As labctl does: a pipe that is full would stop the server."""
    assert program.process.stdout
    for _ in program.process.stdout:
        pass


def test_others_are_answered_meanwhile() -> None:
    with flooded() as (program, over):
        for _ in range(20):
            assert dns.query.udp(MAIL, "127.0.0.1", port=program.port, timeout=1).answer
        assert not over.is_set()


def test_it_is_cut_off_when_it_is_forgotten() -> None:
    with flooded() as (program, over):
        program.say("sync other 198.18.0.130")
        assert dns.query.udp(MAIL, "127.0.0.1", port=program.port, timeout=5).answer
        assert not over.is_set()
        program.say("sync own 127.0.0.1")
        assert over.wait(10)
        assert dns.query.udp(MAIL, "127.0.0.1", port=program.port, timeout=5).answer


def test_a_client_can_wait_for_only_so_many_late_answers() -> None:
    async def flood() -> int:
        loop = asyncio.get_running_loop()
        datagrams = Datagrams(Zone(ZONE, "mail.lab: {delay: 3600}"))
        transport, _ = await loop.create_datagram_endpoint(lambda: datagrams, ("127.0.0.1", 0))
        for number in range(MOST_LATE + 10):
            datagrams.datagram_received(MAIL.to_wire(), ("198.18.0.130", 1024 + number))
        due = len(datagrams.late["198.18.0.130"])
        datagrams.forget("198.18.0.130")
        transport.close()
        return due

    assert asyncio.run(flood()) == MOST_LATE
