"""The lab's name server: it knows the lab's own names and nothing else.

LAB_ZONE holds them: `closed.lab=198.18.0.11 mail.lab=198.18.0.13`. Every other name does not
exist (NXDOMAIN); a known name has an A record and no other data.

LAB_ANSWERS holds names that are answered otherwise: by one of the words of ODD, or with an A record
for each of several names of the zone, in that order. A number is the last one of an address.

    broken.lab: servfail
    two.lab: [closed.lab, tcp.lab]
    nobody.lab: [99]
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
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
from .plain_yaml import WrongScript, choice, load, mapping, within
from .plain_yaml import text as text_of

TTL_S = 60
PORT = 53

_Odd = Callable[[dns.message.Message, bool], bytes]
"""Of a response without records, and whether it goes over TCP: the bytes to send, b"" for none."""


def _coded(code: dns.rcode.Rcode) -> _Odd:
    """Return a function that makes an answer with this error code."""

    def answer(response: dns.message.Message, _: bool) -> bytes:
        response.set_rcode(code)
        return response.to_wire()

    return answer


def _garbage(response: dns.message.Message, _: bool) -> bytes:
    """Return an answer that begins as a response does, and then is no DNS."""
    return response.to_wire()[:4] + b"\xff" * 20


def _truncated(response: dns.message.Message, stream: bool) -> bytes:
    """Return an answer that says to ask again over TCP; over TCP, one that says that it failed.
    Without any answer over TCP, glibc waits for ever.
    """
    if stream:
        return _coded(dns.rcode.SERVFAIL)(response, stream)
    response.flags |= dns.flags.TC
    return response.to_wire()


def _other_id(response: dns.message.Message, _: bool) -> bytes:
    """Return an answer with another query's id."""
    response.id ^= 0xFFFF
    return response.to_wire()


ODD: dict[str, _Odd] = {
    "servfail": _coded(dns.rcode.SERVFAIL),
    "refused": _coded(dns.rcode.REFUSED),
    "nodata": _coded(dns.rcode.NOERROR),
    "garbage": _garbage,
    "truncated": _truncated,
    "wrong-id": _other_id,
    "silent": lambda _response, _stream: b"",
}


class Zone:
    """The records of the lab."""

    def __init__(self, text: str, answers: str = "") -> None:
        """Take the names and addresses of the lab, and a scenario's answers. Raise WrongScript if
        these are wrong.
        """
        pairs = [item.split("=", 1) for item in text.split()]
        self._addresses = {dns.name.from_text(name): [address] for name, address in pairs}
        self._names = {
            dns.reversename.from_address(address): dns.name.from_text(name)
            for name, address in reversed(pairs)
        }
        self._odd: dict[dns.name.Name, str] = {}
        for key, value in mapping(load(answers) or {}).items():
            with within(str(key)):
                self._add(dns.name.from_text(text_of(key)), value)

    def _add(self, name: dns.name.Name, value: object) -> None:
        """Add a scenario's answer for a name. Raise WrongScript for a mistake."""
        if isinstance(value, list):
            self._addresses[name] = [found for other in value for found in self._found(other)]
        else:
            choice(value, ODD)
            self._odd[name] = str(value)

    def _found(self, other: object) -> list[str]:
        """Return the addresses of a name; for a number, the address with that last number."""
        if type(other) is int:
            networks = [own[0].rpartition(".")[0] for own in self._addresses.values() if own]
            return [f"{networks[0]}.{other}"] if networks else []
        return self._addresses.get(dns.name.from_text(text_of(other)), [])

    def odd(self, query: dns.message.Message) -> str:
        """Return how a query is answered if the answer is to be wrong: a word of ODD."""
        return self._odd.get(query.question[0].name, "") if query.question else ""

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """Return the response to a query with one question; FORMERR for any other."""
        response = dns.message.make_response(query, recursion_available=True)
        response.flags |= dns.flags.AA
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
            return response
        question = query.question[0]
        if question.name in self._addresses:
            wanted, kind, values = dns.rdatatype.A, "A", self._addresses[question.name]
        elif question.name in self._names:
            wanted, kind, values = dns.rdatatype.PTR, "PTR", [self._names[question.name].to_text()]
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return response
        if question.rdtype == wanted and values:
            response.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", kind, *values))
        return response


def reply(zone: Zone, wire: bytes, peer: str, *, stream: bool = False) -> bytes | None:
    """Return the answer to a query that came in, over TCP if `stream`. It may be b"", for silence.
    Return None if what came is no query.
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
        return ODD[odd](dns.message.make_response(query, recursion_available=True), stream)
    return response.to_wire(want_shuffle=False)


class Datagrams(asyncio.DatagramProtocol):
    """DNS over UDP."""

    def __init__(self, zone: Zone) -> None:
        """Take the zone that answers come from."""
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, the one that comes is no subclass of what it implements.
        """Keep the transport: answers go out by it."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a query that came by UDP."""
        if answer := reply(self._zone, data, peer_name(addr)):
            self._transport.sendto(answer, addr)


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
                if answer:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
                    await writer.drain()
                # Whoever asks without a pause does not keep others from being answered.
                await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.pop(writer, None)
            writer.close()


async def _serve(zone: Zone, streams: Streams) -> None:
    """Answer queries over UDP and TCP, for ever."""
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Datagrams(zone), ("0.0.0.0", PORT))  # noqa: S104
    server = await asyncio.start_server(
        streams.serve,
        "0.0.0.0",  # noqa: S104 the lab's own network only
        PORT,
    )
    emit("ready")
    await server.serve_forever()


def main() -> None:
    """Run the lab's name server."""
    try:
        with within("LAB_ANSWERS"):
            zone = Zone(os.environ.get("LAB_ZONE", ""), os.environ.get("LAB_ANSWERS", ""))
    except WrongScript as error:
        sys.exit(str(error))
    streams = Streams(zone)
    run(_serve(zone, streams), streams.forget)
