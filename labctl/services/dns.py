"""The lab's name server: it knows the lab's own names and nothing else.

LAB_ZONE holds them: `closed.lab=198.18.0.11 mail.lab=198.18.0.13`. Every other name does not
exist (NXDOMAIN); a known name has an A record and no other data.
"""

from __future__ import annotations

import asyncio
import os
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from .events import emit, peer_name
from .loop import run

TTL_S = 60
PORT = 53


class Zone:
    """The records of the lab."""

    def __init__(self, text: str) -> None:
        pairs = [item.split("=", 1) for item in text.split()]
        self._addresses = {dns.name.from_text(name): address for name, address in pairs}
        self._names = {
            dns.reversename.from_address(address): dns.name.from_text(name)
            for name, address in reversed(pairs)
        }

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The response to a query with one question; FORMERR for any other."""
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return response
        question = query.question[0]
        if question.name in self._addresses:
            wanted, kind, value = dns.rdatatype.A, "A", self._addresses[question.name]
        elif question.name in self._names:
            wanted, kind, value = dns.rdatatype.PTR, "PTR", self._names[question.name].to_text()
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        if question.rdtype == wanted:
            response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", kind, value))
        return response


def reply(zone: Zone, wire: bytes, peer: str) -> bytes | None:
    """The answer to what came in, or None where it is no DNS query."""
    try:
        query = dns.message.from_wire(wire)
        response = zone.answer(query)
    except dns.exception.DNSException as error:
        emit("garbage", peer, error=type(error).__name__)
        return None
    for question in query.question:
        emit(
            "query",
            peer,
            name=question.name.to_text(omit_final_dot=True),
            type=dns.rdatatype.to_text(question.rdtype),
            code=dns.rcode.to_text(response.rcode()),
        )
    return response.to_wire()


class Datagrams(asyncio.DatagramProtocol):
    """DNS over UDP."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, the one that comes is no subclass of what it implements.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (answer := reply(self._zone, data, peer_name(addr))) is not None:
            self._transport.sendto(answer, addr)


async def _stream(zone: Zone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """DNS over TCP: each message behind its length in two bytes."""
    peer = peer_name(writer.get_extra_info("peername"))
    try:
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            answer = reply(zone, await reader.readexactly(size), peer)
            if answer is None:
                return
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def _serve(zone: Zone) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Datagrams(zone), ("0.0.0.0", PORT))  # noqa: S104
    server = await asyncio.start_server(
        lambda reader, writer: _stream(zone, reader, writer),
        "0.0.0.0",  # noqa: S104 the lab's own network only
        PORT,
    )
    emit("ready")
    await server.serve_forever()


def main() -> None:
    run(_serve(Zone(os.environ.get("LAB_ZONE", ""))))
