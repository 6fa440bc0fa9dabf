"""DNS messages, over UDP and TCP -> flows (RFC 1035)."""

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
    """The first question of a DNS message, and the records that answer it, as text.

    `code` is the response code (`NXDOMAIN`), `id` the transaction's. `addresses` are those of A and
    AAAA records. `is_truncated` says to ask again over TCP.
    """

    is_response: bool
    id: int
    name: str
    type: str
    code: str
    is_truncated: bool
    answers: tuple[str, ...]
    addresses: tuple[str, ...]


def preload() -> None:
    """Import the modules that `parse` needs, so that the first capture does not wait for it."""
    import dns.message  # noqa: PLC0415

    parse(dns.message.make_query(".", "A").to_wire())


def parse(wire: bytes) -> Message | None:
    """Return the message in these bytes, or None if they are no DNS message or ask nothing."""
    # The import takes 0.08 s, which a capture without DNS should not cost.
    import dns.exception  # noqa: PLC0415
    import dns.message  # noqa: PLC0415

    try:
        return _message(dns.message.from_wire(wire, ignore_trailing=True))
    except (dns.exception.DNSException, ValueError):
        return None


def _message(message: dns.message.Message) -> Message | None:
    """Return dnspython's message as ours. Return None if it asks nothing."""
    import dns.flags  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415
    import dns.rdatatype  # noqa: PLC0415
    from dns.rdtypes.IN.A import A  # noqa: PLC0415
    from dns.rdtypes.IN.AAAA import AAAA  # noqa: PLC0415

    if not message.question:
        return None
    question = message.question[0]
    record_sets = (
        records
        for records in message.answer
        if records.rdclass == question.rdclass
        and question.rdtype in (records.rdtype, dns.rdatatype.ANY)
    )
    answers = [data for records in record_sets for data in records][:_ANSWERS_LIMIT]
    return Message(
        is_response=bool(message.flags & dns.flags.QR),
        id=message.id,
        name=question.name.to_text(omit_final_dot=True).lower(),
        type=dns.rdatatype.to_text(question.rdtype),
        code=dns.rcode.to_text(message.rcode()),
        is_truncated=bool(message.flags & dns.flags.TC),
        answers=tuple(data.to_text() for data in answers),
        addresses=tuple(data.address for data in answers if isinstance(data, (A, AAAA))),
    )


@dataclass(kw_only=True)
class DnsTrack(Track):
    """A question for one name and type, with its retries, whichever server they went to."""

    question: Message
    answer: Message | None = None
    is_truncated: bool = False
    answer_number: int = 0
    """The number of the packet with the answer."""

    def is_final(self) -> bool:
        """Tell whether the answer settles the question, so that the same question is a new flow.
        After SERVFAIL it does not: resolvers ask another server.
        """
        return self.outcome() in ("answered", "nxdomain", "nodata")

    def outcome(self) -> str:
        """Return `answered`, `nxdomain`, `nodata`, `servfail` or `unanswered`.

        Codes without an outcome of their own (REFUSED, FORMERR) count as servfail: to a client all
        of them say that the server couldn't tell.
        """
        if self.answer is None:
            return "unanswered"
        if self.answer.code == "NOERROR" and self.answer.answers:
            return "answered"
        return _OUTCOMES.get(self.answer.code, "servfail")

    def host(self) -> str:
        """Return the name that was asked for."""
        return self.question.name

    def detail(self) -> FlowDetail:
        """Return everything about the flow except its outcome, `dns` included."""
        dns = DnsDetail(
            name=self.question.name,
            type=self.question.type,
            code=self.answer.code if self.answer else "",
            answers=self.answer.answers if self.answer else (),
            queries=self.requests,
            truncated=self.is_truncated,
        )
        return super().detail().model_copy(update={"dns": dns})


_Transaction = tuple[Endpoint, str, int, str, str]
"""Client, address of the server, id, name and type: what a question shares with its answer."""


@dataclass
class DnsTracker:
    """Sorts DNS messages into flows, each a question with its answers.

    Callers give it only the messages of a lab's resolvers: these answers name addresses.
    """

    tracks: list[DnsTrack] = field(default_factory=list)
    _transactions: dict[_Transaction, DnsTrack] = field(default_factory=dict)
    _latest: dict[tuple[str, str, str], DnsTrack] = field(default_factory=dict)
    _waiting: dict[tuple[Endpoint, str], list[DnsTrack]] = field(default_factory=dict)

    def add_query(
        self, packet: Packet, client: Endpoint, server: Endpoint, question: Message
    ) -> None:
        """Add a question. A repeated one that has no final answer yet is a retry."""
        transaction = _transaction(client, server, question)
        track = self._transactions.get(transaction)
        if track is None:
            track = self._latest.get((client[0], question.name, question.type))
            if track is None or track.is_final():
                track = self._begin(packet, client, server, question)
            self._transactions[transaction] = track
        track.requests += 1
        track.numbers.append(packet.number)
        self._waiting.setdefault((client, server[0]), []).append(track)

    def add_response(
        self, packet: Packet, client: Endpoint, server: Endpoint, answer: Message
    ) -> None:
        """Add an answer to its question; an answer that nobody asked for is ignored."""
        track = self._transactions.get(_transaction(client, server, answer))
        if track is None:
            return
        track.numbers.append(packet.number)
        if answer.is_truncated:
            track.is_truncated = True
        elif not track.is_final():
            track.answer = answer
            track.answer_number = packet.number

    def add_error(self, packet: Packet, client: Endpoint, server: str, error: IcmpError) -> None:
        """Add an ICMP error to all unanswered questions of that socket to that server."""
        for track in self._waiting.pop((client, server), []):
            if not track.answer and packet.number not in track.numbers[-1:]:
                track.icmp = error
                track.numbers.append(packet.number)

    def _begin(
        self, packet: Packet, client: Endpoint, server: Endpoint, question: Message
    ) -> DnsTrack:
        """Begin to track a look-up."""
        track = DnsTrack(
            protocol="dns", first=packet, client=client, server=server, question=question
        )
        self.tracks.append(track)
        self._latest[client[0], question.name, question.type] = track
        return track


def _transaction(client: Endpoint, server: Endpoint, message: Message) -> _Transaction:
    """Return what a query and its response have in common."""
    return client, server[0], message.id, message.name, message.type
