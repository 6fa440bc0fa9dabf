"""A client that asks the lab's name server without a pause: others are answered, and what it asked
is forgotten with it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.query

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
