"""The lab's name server: it knows the lab's own names, and what scenarios tell it to answer."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import NamedTuple, cast

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from .events import emit, peer_name
from .lifeline import say_ready
from .loop import run
from .settings import WrongScript, own_address, within
from .zone import ODD, Zone

PORT = 53
MOST_LATE = 1000
"""Answers that wait for their delay to pass, of one client; who asks for more gets none."""


class Reply(NamedTuple):
    """The bytes that answer a query, b"" for silence, and how many seconds late they go out."""

    data: bytes
    delay_s: float = 0.0


def reply(zone: Zone, wire: bytes, peer: str, *, stream: bool = False) -> Reply | None:
    """Return the answer to a query that came in, over TCP if `stream`. Return None if what came is
    no query.
    """
    try:
        query = dns.message.from_wire(wire)
        response = zone.answer(query)
    except dns.exception.DNSException as error:
        emit("garbage", peer, error=type(error).__name__)
        return None
    odd = zone.odd(query)
    for question in query.question:
        emit(
            "query",
            peer,
            name=question.name.to_text(omit_final_dot=True),
            type=dns.rdatatype.to_text(question.rdtype),
            code=odd or dns.rcode.to_text(response.rcode()),
        )
    if odd:
        data = ODD[odd](dns.message.make_response(query, recursion_available=True), stream)
    else:
        data = response.to_wire(want_shuffle=False)
    return Reply(data, zone.delay_s(query))


class Datagrams(asyncio.DatagramProtocol):
    """DNS over UDP."""

    def __init__(self, zone: Zone) -> None:
        """Take the zone that answers come from."""
        self._zone = zone
        self.late: dict[str, set[asyncio.TimerHandle]] = {}
        """The answers that are not due yet, by the address of their client."""

    def forget(self, address: str) -> None:
        """Forget a client whose attempt has ended: nobody waits for its late answers."""
        for handle in self.late.pop(address, ()):
            handle.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, the one that comes is no subclass of what it implements.
        """Keep the transport: answers go out by it."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a query that came by UDP."""
        answer = reply(self._zone, data, peer_name(addr))
        if answer is None or not answer.data:
            return
        if answer.delay_s:
            self._send_late(answer, addr)
        else:
            self._transport.sendto(answer.data, addr)

    def _send_late(self, answer: Reply, addr: tuple[str, int]) -> None:
        """Send an answer when its delay has passed, unless its client is forgotten before."""
        late = self.late.setdefault(addr[0], set())
        if len(late) >= MOST_LATE:
            return

        def send() -> None:
            late.discard(handle)
            self._transport.sendto(answer.data, addr)

        handle = asyncio.get_running_loop().call_later(answer.delay_s, send)
        late.add(handle)


class Streams:
    """DNS over TCP: each message behind its length in two bytes."""

    def __init__(self, zone: Zone) -> None:
        """Take the zone that answers come from."""
        self._zone = zone
        self._open: dict[asyncio.StreamWriter, str] = {}
        """Each with the address of its client."""

    def forget(self, address: str) -> None:
        """Forget a client whose attempt has ended: nobody waits for the rest of its queries."""
        for writer in [one for one, client in self._open.items() if client == address]:
            del self._open[writer]
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a client until it goes, or is forgotten."""
        peer = peer_name(writer.get_extra_info("peername"))
        self._open[writer] = peer.rpartition(":")[0]
        try:
            while writer in self._open:
                size = int.from_bytes(await reader.readexactly(2), "big")
                answer = reply(self._zone, await reader.readexactly(size), peer, stream=True)
                if answer is None:
                    return
                # Without a delay, too: who asks without a pause keeps no others from answers.
                await asyncio.sleep(answer.delay_s)
                if answer.data:
                    writer.write(len(answer.data).to_bytes(2, "big") + answer.data)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.pop(writer, None)
            writer.close()


async def _serve(datagrams: Datagrams, streams: Streams) -> None:
    """Answer queries over UDP and TCP, for ever."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: datagrams, (own_address(), PORT))
    server = await asyncio.start_server(streams.serve, own_address(), PORT)
    say_ready()
    await server.serve_forever()


def main() -> None:
    """Run the lab's name server."""
    try:
        with within("LAB_ANSWERS"):
            zone = Zone(os.environ.get("LAB_ZONE", ""), os.environ.get("LAB_ANSWERS", ""))
    except WrongScript as error:
        sys.exit(str(error))
    datagrams, streams = Datagrams(zone), Streams(zone)

    def forget(address: str) -> None:
        datagrams.forget(address)
        streams.forget(address)

    run(_serve(datagrams, streams), forget)
