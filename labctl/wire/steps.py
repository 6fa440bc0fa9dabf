"""Conversations -> the steps of the picture: what each packet means."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.flow_detail import DnsDetail, FlowDetail, Side
from labctl.model.packet import ACK, FIN, RST, SYN, Conversation, Icmp, Packet, Tcp, Udp
from labctl.model.result import Flow
from labctl.wire import tls
from labctl.wire.folding import Data, Step
from labctl.wire.icmp import meaning
from labctl.wire.text import is_text, one_column_each, printable, size, times

_PREVIEW = 60


def steps(
    conversation: Conversation, packets: dict[int, Packet], skipped: set[int]
) -> Iterator[Step]:
    """The steps of one conversation. `skipped` are packets that another one shows."""
    mine = [packets[number] for number in sorted(set(conversation.numbers)) if number in packets]
    tell = {"tcp": _tcp, "udp": _udp, "dns": _dns}.get(conversation.flow.protocol, _other)
    return tell(conversation, mine, skipped)


def _detail(conversation: Conversation) -> FlowDetail:
    return conversation.flow.detail or FlowDetail()


def _side(packet: Packet, port: int, detail: FlowDetail) -> Side:
    return "client" if (packet.source, port) == (detail.source, detail.source_port) else "server"


def _again(number: int, what: str, *, answered: bool) -> str:
    end = "" if answered else ", nobody answers"
    return f"{what} again, {times(number)}{end}"


def _tcp(conversation: Conversation, packets: list[Packet], skipped: set[int]) -> Iterator[Step]:
    detail = _detail(conversation)
    state = _TcpState(conversation.flow, detail.requests)
    for packet in packets:
        if isinstance(packet.body, Icmp):
            yield _icmp(packet, packet.body, conversation)
        elif isinstance(packet.body, Tcp):
            side = _side(packet, packet.body.source_port, detail)
            hidden = packet.number in skipped
            for text, data in state.tell(side, packet.body, hidden=hidden):
                yield Step(at_ns=packet.at_ns, by=side, text=text, data=data)


_Told = tuple[str, Data | None]


class _TcpState:
    """What a packet of a connection means depends on those before it."""

    def __init__(self, flow: Flow, syns: int) -> None:
        self._who: dict[Side, str] = {"client": "the client", "server": flow.host}
        self._flow = flow
        self._syns = syns
        self._asked = 0
        self._established = False
        self._acknowledged = False
        self._closed: list[Side] = []
        self._sent: set[tuple[Side, int, int]] = set()

    def tell(self, side: Side, tcp: Tcp, *, hidden: bool) -> Iterator[_Told]:
        """What to say of one segment: nothing of mere acknowledgements."""
        if tcp.flags & RST:
            yield self._reset(side), None
        elif tcp.flags & SYN:
            yield from self._syn(tcp)
        else:
            yield from self._later(side, tcp, hidden=hidden)

    def _syn(self, tcp: Tcp) -> Iterator[_Told]:
        if not tcp.flags & ACK:
            self._asked += 1
            if self._asked == 1:
                yield f"SYN to port {self._flow.port}", None
            elif self._asked == 2:  # noqa: PLR2004 the first repetition stands for all
                yield self._more_syns(), None
        elif not self._established:
            self._established = True
            yield f"SYN+ACK: port {self._flow.port} is open", None

    def _more_syns(self) -> str:
        return _again(self._syns - 1, "SYN", answered=self._flow.outcome != "unanswered")

    def _later(self, side: Side, tcp: Tcp, *, hidden: bool) -> Iterator[_Told]:
        if tcp.length:
            if not hidden:
                yield self._data(side, tcp)
        elif self._established and not self._acknowledged and side == "client":
            yield "ACK: connected", None
        self._acknowledged = self._acknowledged or side == "client"
        if tcp.flags & FIN and side not in self._closed:
            too = " too" if self._closed else ""
            self._closed.append(side)
            yield f"FIN: {self._who[side]} closes{too}", None

    def _data(self, side: Side, tcp: Tcp) -> _Told:
        segment = (side, tcp.seq, tcp.length)
        again = segment in self._sent
        self._sent.add(segment)
        ends = tcp.payload.endswith(b"\n") and len(tcp.payload) == tcp.length
        data = Data(
            said=_said(tcp.payload),
            size=tcp.length,
            payload=tcp.payload,
            ends=ends,
            again=again,
        )
        return _data_text(data), data

    def _reset(self, side: Side) -> str:
        if not self._established and side == "server":
            return "RST: nobody listens here"
        if side in self._closed:
            return f"RST: {self._who[side]} has closed already"
        return f"RST: {self._who[side]} breaks off"


def _said(payload: bytes) -> str:
    """What a packet's data says, for people: the first line of text; empty if it can't be read."""
    if said := tls.peek(payload):
        return said
    return f'"{printable(payload, _PREVIEW)}"' if is_text(payload) else ""


def _data_text(data: Data) -> str:
    """What one packet carries."""
    return (data.said or f"{size(data.size)} of data") + (" again" if data.again else "")


def _icmp(packet: Packet, icmp: Icmp, conversation: Conversation) -> Step:
    away = packet.source != conversation.flow.address
    text = f"ICMP: {meaning(icmp)}"
    return Step(at_ns=packet.at_ns, by="server", text=text, host=packet.source if away else "")


def _udp(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    for packet in packets:
        if isinstance(packet.body, Udp):
            side = _side(packet, packet.body.source_port, _detail(conversation))
            payload = packet.body.payload
            data = Data(said=_said(payload), size=packet.body.length, payload=payload, ends=True)
            yield Step(at_ns=packet.at_ns, by=side, text=_data_text(data), data=data)
        elif isinstance(packet.body, Icmp):
            yield _icmp(packet, packet.body, conversation)


def _dns(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    """The question, folded with its retries; of several answers the last one."""
    dns = _detail(conversation).dns or DnsDetail(name=conversation.flow.host, type="?")
    answered = conversation.flow.outcome != "unanswered"
    asked = [p for p in packets if isinstance(p.body, Tcp | Udp) and p.body.destination_port == 53]  # noqa: PLR2004
    told = [p for p in packets if isinstance(p.body, Tcp | Udp) and p.body.destination_port != 53]  # noqa: PLR2004
    question = one_column_each(f"DNS {dns.type} {dns.name}?")
    yield from _requests(asked, question, f"DNS {dns.type}", answered=answered)
    if dns.truncated and told:
        yield Step(at_ns=told[0].at_ns, by="server", text="too long: ask again over TCP")
    if answered and told:
        yield Step(at_ns=told[-1].at_ns, by="server", text=_answer(conversation.flow, dns))
    yield from (_icmp(p, p.body, conversation) for p in packets if isinstance(p.body, Icmp))


def _requests(sent: list[Packet], first: str, more: str, *, answered: bool) -> Iterator[Step]:
    """The first request, and one step for all its repetitions."""
    if sent:
        yield Step(at_ns=sent[0].at_ns, by="client", text=first)
    if len(sent) > 1:
        text = _again(len(sent) - 1, more, answered=answered)
        yield Step(at_ns=sent[1].at_ns, by="client", text=text)


def _answer(flow: Flow, dns: DnsDetail) -> str:
    first, more = (*dns.answers[:1], "?")[0], len(dns.answers) - 1
    text = {
        "answered": f"{dns.name} is {first}" + (f" and {more} more" if more > 0 else ""),
        "nxdomain": "NXDOMAIN: no such name",
        "nodata": f"no {dns.type} record",
    }.get(flow.outcome, f"{dns.code}: the server can't tell")
    return one_column_each(text)


def _other(conversation: Conversation, packets: list[Packet], _skipped: set[int]) -> Iterator[Step]:
    """Requests, folded; what came back, if anything."""
    flow, detail = conversation.flow, _detail(conversation)
    if flow.protocol in ("arp", "ndp"):
        first, more = f"ARP: who has {flow.address}?", "ARP"
    else:
        first, more = f"{flow.protocol}, {size(packets[0].length)}", flow.protocol
    sent = [p for p in packets if p.source == detail.source and not _comes_back(p)]
    yield from _requests(sent, first, more, answered=flow.outcome != "unanswered")
    for packet in filter(_comes_back, packets):
        if isinstance(packet.body, Icmp) and packet.body.quoted:
            yield _icmp(packet, packet.body, conversation)
        else:
            data = Data(said="", size=packet.length)
            yield Step(at_ns=packet.at_ns, by="server", text="answer", data=data)


def _comes_back(packet: Packet) -> bool:
    """Whether it is an ICMP error or the answer to a ping."""
    icmp = packet.body
    return isinstance(icmp, Icmp) and (icmp.quoted is not None or icmp.type in (0, 129))
