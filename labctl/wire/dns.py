"""DNS questions and answers, over UDP and TCP -> tracks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labctl.model.flow_detail import DnsDetail, FlowDetail, IcmpError
from labctl.model.packet import Packet
from labctl.wire.track import Endpoint, Track

if TYPE_CHECKING:
    import dns.message

PORT = 53
_ANSWERS_LIMIT = 32
_OUTCOMES = {"NXDOMAIN": "nxdomain", "NOERROR": "nodata"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What counts of a DNS message: its first question, and the answers to it as text."""

    response: bool
    id: int
    name: str
    type: str
    code: str
    truncated: bool
    answers: tuple[str, ...]
    addresses: tuple[str, ...]


def preload() -> None:
    """Import what parsing needs, at a time when there is nothing else to do."""
    import dns.message  # noqa: PLC0415

    parse(dns.message.make_query(".", "A").to_wire())


def parse(wire: bytes) -> Message | None:
    """The message, or None where it is none or has no question."""
    # Takes 0.08 s, which only a capture with DNS in it is to pay.
    import dns.exception  # noqa: PLC0415
    import dns.message  # noqa: PLC0415

    try:
        return _message(dns.message.from_wire(wire, ignore_trailing=True))
    except (dns.exception.DNSException, ValueError):
        return None


def _message(message: dns.message.Message) -> Message | None:
    import dns.flags  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415
    import dns.rdatatype  # noqa: PLC0415
    from dns.rdtypes.IN.A import A  # noqa: PLC0415
    from dns.rdtypes.IN.AAAA import AAAA  # noqa: PLC0415

    if not message.question:
        return None
    question = message.question[0]
    sets = (
        one
        for one in message.answer
        if one.rdclass == question.rdclass and question.rdtype in (one.rdtype, dns.rdatatype.ANY)
    )
    wanted = [data for one in sets for data in one][:_ANSWERS_LIMIT]
    return Message(
        response=bool(message.flags & dns.flags.QR),
        id=message.id,
        name=question.name.to_text(omit_final_dot=True).lower(),
        type=dns.rdatatype.to_text(question.rdtype),
        code=dns.rcode.to_text(message.rcode()),
        truncated=bool(message.flags & dns.flags.TC),
        answers=tuple(data.to_text() for data in wanted),
        addresses=tuple(data.address for data in wanted if isinstance(data, (A, AAAA))),
    )


@dataclass(kw_only=True)
class DnsTrack(Track):
    """One name and type asked for, retries included, whichever server they went to."""

    question: Message
    answer: Message | None = None
    truncated: bool = False
    answered_at: int = 0
    """The number of the packet that answered."""

    def done(self) -> bool:
        """Whether asking again is a question of its own; after SERVFAIL resolvers go on."""
        return self.outcome() in ("answered", "nxdomain", "nodata")

    def outcome(self) -> str:
        """Codes without an outcome of their own (REFUSED, FORMERR) count as servfail: to a client
        all of them say that the server couldn't tell.
        """
        if self.answer is None:
            return "unanswered"
        if self.answer.code == "NOERROR" and self.answer.answers:
            return "answered"
        return _OUTCOMES.get(self.answer.code, "servfail")

    def host(self) -> str:
        return self.question.name

    def detail(self) -> FlowDetail:
        dns = DnsDetail(
            name=self.question.name,
            type=self.question.type,
            code=self.answer.code if self.answer else "",
            answers=self.answer.answers if self.answer else (),
            queries=self.requests,
            truncated=self.truncated,
        )
        return super().detail().model_copy(update={"dns": dns})


_Transaction = tuple[Endpoint, str, int, str, str]


@dataclass
class DnsTracker:
    """Puts questions and answers together. Only what a lab's server says can name an address."""

    tracks: list[DnsTrack] = field(default_factory=list)
    _transactions: dict[_Transaction, DnsTrack] = field(default_factory=dict)
    _latest: dict[tuple[str, str, str], DnsTrack] = field(default_factory=dict)
    _waiting: dict[tuple[Endpoint, str], list[DnsTrack]] = field(default_factory=dict)

    def query(self, packet: Packet, client: Endpoint, server: Endpoint, asked: Message) -> None:
        """A question. The same one again, or one more while none was answered, is a retry."""
        transaction = _transaction(client, server, asked)
        track = self._transactions.get(transaction)
        if track is None:
            track = self._latest.get((client[0], asked.name, asked.type))
            if track is None or track.done():
                track = self._begin(packet, client, server, asked)
            self._transactions[transaction] = track
        track.requests += 1
        track.numbers.append(packet.number)
        self._waiting.setdefault((client, server[0]), []).append(track)

    def response(self, packet: Packet, client: Endpoint, server: Endpoint, said: Message) -> None:
        """An answer; one to a question that nobody asked is nothing."""
        track = self._transactions.get(_transaction(client, server, said))
        if track is None:
            return
        track.numbers.append(packet.number)
        if said.truncated:
            track.truncated = True
        elif not track.done():
            track.answer = said
            track.answered_at = packet.number

    def error(self, packet: Packet, client: Endpoint, server: str, error: IcmpError) -> None:
        """An ICMP error, about all that this socket has asked that server until now."""
        for track in self._waiting.pop((client, server), []):
            if not track.answer and packet.number not in track.numbers[-1:]:
                track.icmp = error
                track.numbers.append(packet.number)

    def _begin(
        self, packet: Packet, client: Endpoint, server: Endpoint, asked: Message
    ) -> DnsTrack:
        track = DnsTrack(protocol="dns", first=packet, client=client, server=server, question=asked)
        self.tracks.append(track)
        self._latest[client[0], asked.name, asked.type] = track
        return track


def _transaction(client: Endpoint, server: Endpoint, message: Message) -> _Transaction:
    return client, server[0], message.id, message.name, message.type
