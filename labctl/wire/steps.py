"""Conversations -> the steps of a ladder: what each packet means, in words."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.flow_detail import DnsDetail, FlowDetail, Side
from labctl.model.packet import ACK, FIN, RST, SYN, Conversation, Icmp, Packet, Tcp, Udp
from labctl.model.result import Flow
from labctl.text import escape_to_single_width, format_size, format_times
from labctl.wire import tls
from labctl.wire.folding import Data, Step
from labctl.wire.icmp import meaning
from labctl.wire.octets import first_line_text, is_text

_PREVIEW = 60
_DNS_PORT = 53


def make_steps(
    conversation: Conversation, packets: dict[int, Packet], skipped: set[int]
) -> Iterator[Step]:
    """Yield the steps of one conversation, mostly in the order of time.

    `packets` are those of the capture by number; `skipped` are the numbers of packets whose data
    another conversation shows (DNS over TCP).
    """
    own = [packets[number] for number in sorted(set(conversation.numbers)) if number in packets]
    make = {"tcp": _tcp, "udp": _udp, "dns": _dns}.get(conversation.flow.protocol, _other)
    return make(conversation, own, skipped)


def _detail(conversation: Conversation) -> FlowDetail:
    """Return the details of a conversation's flow; empty ones if it has none."""
    return conversation.flow.detail or FlowDetail()


def _side(packet: Packet, port: int, detail: FlowDetail) -> Side:
    """Return whether a packet is the client's or the server's."""
    return "client" if (packet.source, port) == (detail.source, detail.source_port) else "server"


def _repeated(number: int, what: str, *, answered: bool) -> str:
    """Return `SYN again, 3 times, nobody answers`."""
    end = "" if answered else ", nobody answers"
    return f"{what} again, {format_times(number)}{end}"


def _tcp(conversation: Conversation, packets: list[Packet], skipped: set[int]) -> Iterator[Step]:
    """Yield the steps of a TCP connection. The data of packets in `skipped` is not told."""
    detail = _detail(conversation)
    state = _TcpState(conversation.flow, detail.requests)
    for packet in packets:
        if isinstance(packet.body, Icmp):
            yield _icmp(packet, packet.body, conversation)
        elif isinstance(packet.body, Tcp):
            side = _side(packet, packet.body.source_port, detail)
            hidden = packet.number in skipped
            for text, data in state.describe(side, packet.body, hidden=hidden):
                yield Step(at_ns=packet.at_ns, by=side, text=text, data=data)


_Event = tuple[str, Data | None]
"""The text of a step, and its data if it carries any."""


class _TcpState:
    """What was seen of a connection so far: the meaning of a segment depends on those before."""

    def __init__(self, flow: Flow, syns: int) -> None:
        """Take the flow, and how many SYNs the client sent in all."""
        self._names: dict[Side, str] = {"client": "the client", "server": flow.host}
        self._flow = flow
        self._syns = syns
        self._syns_seen = 0
        self._established = False
        self._acknowledged = False
        self._closed: list[Side] = []
        self._sent: set[tuple[Side, int, int]] = set()

    def describe(self, side: Side, tcp: Tcp, *, hidden: bool) -> Iterator[_Event]:
        """Yield what the next segment means; a mere acknowledgement means nothing.

        Its data is left out if `hidden`.
        """
        if tcp.flags & RST:
            yield self._reset(side), None
        elif tcp.flags & SYN:
            yield from self._syn(tcp)
        else:
            yield from self._after_handshake(side, tcp, hidden=hidden)

    def _syn(self, tcp: Tcp) -> Iterator[_Event]:
        """Yield the events of a segment with SYN."""
        if not tcp.flags & ACK:
            self._syns_seen += 1
            if self._syns_seen == 1:
                yield f"SYN to port {self._flow.port}", None
            elif self._syns_seen == 2:  # noqa: PLR2004 the first repetition stands for all
                yield self._repeated_syns(), None
        elif not self._established:
            self._established = True
            yield f"SYN+ACK: port {self._flow.port} is open", None

    def _repeated_syns(self) -> str:
        """Return how often the SYN was repeated, as text."""
        return _repeated(self._syns - 1, "SYN", answered=self._flow.outcome != "unanswered")

    def _after_handshake(self, side: Side, tcp: Tcp, *, hidden: bool) -> Iterator[_Event]:
        """Yield the events of any other segment: data, acknowledgement, end."""
        if tcp.length:
            if not hidden:
                yield self._data(side, tcp)
        elif self._established and not self._acknowledged and side == "client":
            yield "ACK: connected", None
        self._acknowledged = self._acknowledged or side == "client"
        if tcp.flags & FIN and side not in self._closed:
            too = " too" if self._closed else ""
            self._closed.append(side)
            yield f"FIN: {self._names[side]} closes{too}", None

    def _data(self, side: Side, tcp: Tcp) -> _Event:
        """Return the event of a segment with data, and note it, to know repeats."""
        segment = (side, tcp.seq, tcp.length)
        is_repeat = segment in self._sent
        self._sent.add(segment)
        is_complete = tcp.payload.endswith(b"\n") and len(tcp.payload) == tcp.length
        data = Data(
            preview=_preview(tcp.payload),
            size=tcp.length,
            payload=tcp.payload,
            is_complete=is_complete,
            is_repeat=is_repeat,
        )
        return _data_text(data), data

    def _reset(self, side: Side) -> str:
        """Return what a RST means at this point, as text."""
        if not self._established and side == "server":
            return "RST: nobody listens here"
        if side in self._closed:
            return f"RST: {self._names[side]} has closed already"
        return f"RST: {self._names[side]} breaks off"


def _preview(payload: bytes) -> str:
    """Return a packet's data for people: its first line of text; empty if it can't be read."""
    if description := tls.describe_segment(payload):
        return description
    return f'"{first_line_text(payload, _PREVIEW)}"' if is_text(payload) else ""


def _data_text(data: Data) -> str:
    """Return what one packet carries."""
    return (data.preview or f"{format_size(data.size)} of data") + (
        " again" if data.is_repeat else ""
    )


def _icmp(packet: Packet, icmp: Icmp, conversation: Conversation) -> Step:
    """Return the step of an ICMP error."""
    sender = "" if packet.source == conversation.flow.address else packet.source
    return Step(at_ns=packet.at_ns, by="server", text=f"ICMP: {meaning(icmp)}", host=sender)


def _udp(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    """Yield the steps of a UDP conversation."""
    for packet in packets:
        if isinstance(packet.body, Udp):
            side = _side(packet, packet.body.source_port, _detail(conversation))
            payload = packet.body.payload
            data = Data(
                preview=_preview(payload),
                size=packet.body.length,
                payload=payload,
                is_complete=True,
            )
            yield Step(at_ns=packet.at_ns, by=side, text=_data_text(data), data=data)
        elif isinstance(packet.body, Icmp):
            yield _icmp(packet, packet.body, conversation)


def _dns(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    """Yield the question, one step for its retries, and the last of its answers."""
    dns = _detail(conversation).dns or DnsDetail(name=conversation.flow.host, type="?")
    answered = conversation.flow.outcome != "unanswered"
    queries, responses = _split_dns(packets)
    question = escape_to_single_width(f"DNS {dns.type} {dns.name}?")
    yield from _requests(queries, question, f"DNS {dns.type}", answered=answered)
    if dns.truncated and responses:
        yield Step(at_ns=responses[0].at_ns, by="server", text="too long: ask again over TCP")
    if answered and responses:
        yield Step(at_ns=responses[-1].at_ns, by="server", text=_answer(conversation.flow, dns))
    yield from (_icmp(p, p.body, conversation) for p in packets if isinstance(p.body, Icmp))


def _split_dns(packets: list[Packet]) -> tuple[list[Packet], list[Packet]]:
    """Return the packets to port 53 and all other TCP and UDP packets."""
    queries: list[Packet] = []
    responses: list[Packet] = []
    for packet in packets:
        if isinstance(packet.body, Tcp | Udp):
            is_query = packet.body.destination_port == _DNS_PORT
            (queries if is_query else responses).append(packet)
    return queries, responses


def _requests(
    packets: list[Packet], first: str, repeated: str, *, answered: bool
) -> Iterator[Step]:
    """Yield a step for the first request (`first`), and one for all its repetitions."""
    if packets:
        yield Step(at_ns=packets[0].at_ns, by="client", text=first)
    if len(packets) > 1:
        text = _repeated(len(packets) - 1, repeated, answered=answered)
        yield Step(at_ns=packets[1].at_ns, by="client", text=text)


def _answer(flow: Flow, dns: DnsDetail) -> str:
    """Return what the name server answered, as text."""
    first, more = (*dns.answers[:1], "?")[0], len(dns.answers) - 1
    text = {
        "answered": f"{dns.name} is {first}" + (f" and {more} more" if more > 0 else ""),
        "nxdomain": "NXDOMAIN: no such name",
        "nodata": f"no {dns.type} record",
    }.get(flow.outcome, f"{dns.code}: the server can't tell")
    return escape_to_single_width(text)


def _other(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    """Yield the first request, one step for its repetitions, and what came back."""
    flow, detail = conversation.flow, _detail(conversation)
    if flow.protocol in ("arp", "ndp"):
        first, repeated = f"ARP: who has {flow.address}?", "ARP"
    else:
        first, repeated = f"{flow.protocol}, {format_size(packets[0].length)}", flow.protocol
    sent = [p for p in packets if p.source == detail.source and not _is_reply(p)]
    yield from _requests(sent, first, repeated, answered=flow.outcome != "unanswered")
    for packet in filter(_is_reply, packets):
        if isinstance(packet.body, Icmp) and packet.body.quoted:
            yield _icmp(packet, packet.body, conversation)
        else:
            data = Data(preview="", size=packet.length)
            yield Step(at_ns=packet.at_ns, by="server", text="answer", data=data)


def _is_reply(packet: Packet) -> bool:
    """Return whether it is an ICMP error or the answer to a ping."""
    icmp = packet.body
    return isinstance(icmp, Icmp) and (icmp.quoted is not None or icmp.type in (0, 129))
