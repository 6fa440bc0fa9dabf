"""The ladder of one attempt: client and hosts as columns, calls and packets on one time line.

`make_ladder` makes its rows, for the result document; `draw` draws them for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from labctl.model.flow_detail import FlowDetail
from labctl.model.packet import Conversation, Icmp, Wire
from labctl.model.result import HOSTS_LIMIT, Call, Ladder, LadderRow, Observation, Outcome
from labctl.text import clip, escape_to_single_width
from labctl.wire.canvas import Canvas
from labctl.wire.folding import FOLDINGS, Step, fold
from labctl.wire.steps import make_steps

ROWS_LIMIT = 40
_HEAD_ROWS = 25
_TEXT_LIMIT = 200
"""The most characters of a row's text, since a client's message may be of any length."""
_NOT_COUNTED = ("arp", "ndp", "igmp", "icmpv6")
"""Protocols that kernels speak by themselves: their packets are not missed in the drawing."""
_SYSTEM_CALLS = "socket."
_QUOTED = ("getaddrinfo", "gethostbyname", "gethostbyaddr")
_ENDINGS = {
    Outcome.EXITED: "left without a report",
    Outcome.KILLED: "killed",
    Outcome.OUT_OF_MEMORY: "killed: out of memory",
    Outcome.TIMED_OUT: "still running when its time was up",
}


def make_ladder(wire: Wire, observation: Observation, *, start_ns: int) -> Ladder:
    """Return the ladder: calls, packets and the end of an attempt, at most ROWS_LIMIT rows.

    `start_ns` is when the client started, on the clock of the packets; times count from it.
    """
    hosts = _Hosts(wire)
    rows = _all_rows(wire, observation, hosts, start_ns)
    shown = rows if len(rows) <= ROWS_LIMIT else _without_middle(rows)
    return Ladder(hosts=tuple(hosts.headings), rows=tuple(shown), notes=tuple(_footnotes(wire)))


def draw(ladder: Ladder) -> str:
    """Return the ladder as a drawing of at most 80 columns, without a final line break.

    Whatever a ladder contains, also one from a file, the drawing can't steer a terminal.
    """
    canvas = Canvas(["client", *map(escape_to_single_width, ladder.hosts)])
    rows = map(_escaped, ladder.rows)
    return "\n".join(
        [canvas.heading(), *map(canvas.line, rows), *map(escape_to_single_width, ladder.notes)]
    )


def _escaped(row: LadderRow) -> LadderRow:
    """Return the row with texts that the canvas can draw; the row itself if nothing changed."""
    text, mark = escape_to_single_width(row.text), escape_to_single_width(row.mark)[:1]
    is_same = (text, mark) == (row.text, row.mark)
    return row if is_same else row.model_copy(update={"text": text, "mark": mark})


def _all_rows(
    wire: Wire, observation: Observation, hosts: _Hosts, start_ns: int
) -> list[LadderRow]:
    """Return every row in the order of time, data folded until there are few enough rows.

    Rows with the same time come in the order of cause and effect: calls, packets, the end.
    """
    calls, end = list(_call_rows(observation.calls)), _end_row(observation)
    conversations = list(_conversation_steps(wire))
    rows: list[LadderRow] = []
    for folding in FOLDINGS:
        packet_rows = (
            _packet_row(step, conversation, hosts, start_ns)
            for conversation, steps in conversations
            for step in fold(steps, folding)
        )
        rows = [*calls, *packet_rows, end]
        if len(rows) <= ROWS_LIMIT:
            break
    return sorted(rows, key=lambda row: row.at_s or 0.0)


class _Hosts:
    """The columns of hosts. The client has column 0; hosts beyond the limit share the last one."""

    def __init__(self, wire: Wire) -> None:
        """Give each host of the packets a column."""
        addresses = list(dict.fromkeys(_addresses(wire)))
        fits = len(addresses) <= HOSTS_LIMIT
        separate = addresses if fits else addresses[: HOSTS_LIMIT - 1]
        self._columns = {address: number for number, address in enumerate(separate, 1)}
        self._shared = len(separate) + 1
        self._names = wire.names
        self.headings = [self.name(address) for address in separate]
        if not fits:
            self.headings.append(f"{len(addresses) - len(separate)} others")

    def name(self, address: str) -> str:
        """Return the name of an address, else the address itself."""
        return escape_to_single_width(self._names.get(address, address) or "?")

    def column(self, address: str) -> int:
        """Return the column of an address."""
        return self._columns.get(address, self._shared)

    def prefix(self, address: str) -> str:
        """Return `NAME: ` for a host that shares its column with others, else nothing."""
        return "" if address in self._columns else f"{self.name(address)}: "


def _addresses(wire: Wire) -> Iterator[str]:
    """Yield the address of every host but the client's, in the order of appearance."""
    senders = {p.number: p.source for p in wire.packets if isinstance(p.body, Icmp)}
    for conversation in wire.conversations:
        detail = conversation.flow.detail or FlowDetail()
        yield _other_host(conversation)
        for sender in filter(None, map(senders.get, conversation.numbers)):
            if sender not in (detail.source, conversation.flow.address):
                yield sender


def _other_host(conversation: Conversation) -> str:
    """Return the address of the host that is not the client's."""
    detail = conversation.flow.detail
    return detail.source if detail and detail.incoming else conversation.flow.address


def _conversation_steps(wire: Wire) -> Iterator[tuple[Conversation, list[Step]]]:
    """Yield each conversation with its steps, nothing folded yet."""
    packets = {packet.number: packet for packet in wire.packets}
    dns = {n for c in wire.conversations if c.flow.protocol == "dns" for n in c.numbers}
    for conversation in wire.conversations:
        yield conversation, list(make_steps(conversation, packets, dns))


def _packet_row(step: Step, conversation: Conversation, hosts: _Hosts, start_ns: int) -> LadderRow:
    """Return the row of a step: an arrow between two hosts."""
    detail = conversation.flow.detail or FlowDetail()
    at_s = (step.at_ns - start_ns) / 1e9
    if step.host and step.host == detail.source:
        text = f"from its own kernel, {step.text}"
        return LadderRow(at_s=at_s, source=0, target=0, text=clip(text, _TEXT_LIMIT))
    address = step.host or _other_host(conversation)
    ends = (0, hosts.column(address))
    outwards = (step.by == "client") != detail.incoming
    source, target = ends if outwards else ends[::-1]
    text = hosts.prefix(address) + step.text
    return LadderRow(
        at_s=at_s, source=source, target=target, text=clip(text, _TEXT_LIMIT), both=step.both
    )


def _call_rows(calls: Iterable[Call]) -> Iterator[LadderRow]:
    """Yield the client's system calls; the same call several times in a row is one row."""
    last, count, first_at_s = "", 0, 0.0
    for call in [*calls, None]:
        text = _call_text(call) if call else ""
        if call and not text:
            continue
        if text == last:
            count += 1
            continue
        if last:
            times = f" {count} times" if count > 1 else ""
            text_shown = clip(last, _TEXT_LIMIT) + times
            yield LadderRow(at_s=first_at_s, source=0, target=0, text=text_shown)
        last, count, first_at_s = text, 1, call.at_s if call else 0.0


def _call_text(call: Call) -> str:
    """Return a call as `connect(198.18.0.11, 2525)`; empty if libraries only call each other."""
    if not call.event.startswith(_SYSTEM_CALLS):
        return ""
    name = call.event.removeprefix(_SYSTEM_CALLS)
    quote = '"' if name in _QUOTED else ""
    args = [f"{quote}{arg}{quote}" if isinstance(arg, str) else str(arg) for arg in call.args]
    return escape_to_single_width(f"{name}({', '.join(args)})")


def _end_row(observation: Observation) -> LadderRow:
    """Return how the client ended."""
    exception = observation.exception
    mark, text = "✘", _ENDINGS.get(observation.outcome, "left something that is not a report")
    if observation.outcome is Outcome.RAISED and exception:
        text = f"{exception.type}: {exception.message}" if exception.message else exception.type
    elif observation.outcome is Outcome.RETURNED:
        mark = "✔"
        text = "returned" + (f" {observation.returned}" if observation.returned else "")
    text = clip(escape_to_single_width(text), _TEXT_LIMIT)
    return LadderRow(at_s=observation.elapsed_s, source=0, target=0, text=text, mark=mark)


def _without_middle(rows: Sequence[LadderRow]) -> list[LadderRow]:
    """Return ROWS_LIMIT rows, one of which says how many were left out there."""
    tail = ROWS_LIMIT - _HEAD_ROWS - 1
    left_out = len(rows) - _HEAD_ROWS - tail
    gap = LadderRow(source=0, target=0, text=f"{left_out} more rows left out", mark="…")
    return [*rows[:_HEAD_ROWS], gap, *rows[-tail:]]


def _footnotes(wire: Wire) -> Iterator[str]:
    """Yield what the drawing can't show: that no packet was there, and packets without a flow."""
    drawn = {n for conversation in wire.conversations for n in conversation.numbers}
    rest = sum(
        1
        for packet in wire.packets
        if packet.number not in drawn and packet.protocol not in _NOT_COUNTED
    )
    if not wire.conversations:
        yield "No packet of the client was on the wire."
    if rest:
        packets = "1 packet that belongs" if rest == 1 else f"{rest} packets that belong"
        yield f"Not drawn: {packets} to no flow (fragments and the like)."
