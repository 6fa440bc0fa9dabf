"""The picture of one attempt: client and hosts as columns, calls and packets on one time line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from labctl.model.flow_detail import FlowDetail
from labctl.model.packet import Conversation, Icmp, Wire
from labctl.model.result import HOSTS_LIMIT, Call, Ladder, LadderRow, Observation, Outcome
from labctl.wire.canvas import Canvas
from labctl.wire.folding import FOLDINGS, Step, fold
from labctl.wire.steps import steps
from labctl.wire.text import clip, one_column_each

ROWS_LIMIT = 40
_HEAD_ROWS = 25
_LONGEST = 200
"""Characters of the longest text of a row: a message may be of any length."""
_KERNELS_OWN = ("arp", "ndp", "igmp", "icmpv6")
"""What kernels send to find their neighbours; who did is no part of the story."""
_SYSTEM = "socket."
_QUOTED = ("getaddrinfo", "gethostbyname", "gethostbyaddr")
_ENDINGS = {
    Outcome.EXITED: "left without a report",
    Outcome.KILLED: "killed",
    Outcome.OUT_OF_MEMORY: "killed: out of memory",
    Outcome.TIMED_OUT: "still running when its time was up",
}


def make_ladder(wire: Wire, observation: Observation, *, start_ns: int) -> Ladder:
    """What took place, row by row.

    `start_ns` is when the client started, on the clock of the packets: everything is told by the
    time since then.
    """
    hosts = _Hosts(wire)
    rows = _all_rows(wire, observation, hosts, start_ns)
    shown = rows if len(rows) <= ROWS_LIMIT else _without_middle(rows)
    return Ladder(hosts=tuple(hosts.headings), rows=tuple(shown), notes=tuple(_footnotes(wire)))


def draw(ladder: Ladder) -> str:
    """The picture, at most 80 columns and about 45 lines, without a final line break. Nothing in it
    steers a terminal, whoever wrote the ladder.
    """
    canvas = Canvas(["client", *map(one_column_each, ladder.hosts)])
    rows = map(_plain, ladder.rows)
    return "\n".join(
        [canvas.heading(), *map(canvas.line, rows), *map(one_column_each, ladder.notes)]
    )


def _plain(row: LadderRow) -> LadderRow:
    text, mark = one_column_each(row.text), one_column_each(row.mark)[:1]
    same = (text, mark) == (row.text, row.mark)
    return row if same else row.model_copy(update={"text": text, "mark": mark})


def _all_rows(
    wire: Wire, observation: Observation, hosts: _Hosts, start_ns: int
) -> list[LadderRow]:
    """Every row in the order of time; data is folded as far as it takes to have few enough."""
    own = [*_call_rows(observation.calls), _ending(observation)]
    told = list(_told(wire))
    rows = own
    for folding in FOLDINGS:
        packets = (_row(s, c, hosts, start_ns) for c, steps in told for s in fold(steps, folding))
        rows = [*own, *packets]
        if len(rows) <= ROWS_LIMIT:
            break
    return sorted(rows, key=lambda row: row.at_s or 0.0)


class _Hosts:
    """Which column a host has; those beyond the limit share the last one."""

    def __init__(self, wire: Wire) -> None:
        met = list(dict.fromkeys(_addresses(wire)))
        alone = met if len(met) <= HOSTS_LIMIT else met[: HOSTS_LIMIT - 1]
        self._columns = {address: number for number, address in enumerate(alone, 1)}
        self._shared = len(alone) + 1
        self._names = wire.names
        self.headings = [self.name(address) for address in alone]
        if len(met) > len(alone):
            self.headings.append(f"{len(met) - len(alone)} others")

    def name(self, address: str) -> str:
        return one_column_each(self._names.get(address, address) or "?")

    def column(self, address: str) -> int:
        return self._columns.get(address, self._shared)

    def prefix(self, address: str) -> str:
        """What tells hosts apart that share a column."""
        return "" if address in self._columns else f"{self.name(address)}: "


def _addresses(wire: Wire) -> Iterator[str]:
    """Every host but the client's, in the order of appearance."""
    senders = {p.number: p.source for p in wire.packets if isinstance(p.body, Icmp)}
    for conversation in wire.conversations:
        detail = conversation.flow.detail or FlowDetail()
        yield _other_host(conversation)
        for sender in filter(None, map(senders.get, conversation.numbers)):
            if sender not in (detail.source, conversation.flow.address):
                yield sender


def _other_host(conversation: Conversation) -> str:
    detail = conversation.flow.detail
    return detail.source if detail and detail.incoming else conversation.flow.address


def _told(wire: Wire) -> Iterator[tuple[Conversation, list[Step]]]:
    packets = {packet.number: packet for packet in wire.packets}
    dns = {n for c in wire.conversations if c.flow.protocol == "dns" for n in c.numbers}
    for conversation in wire.conversations:
        yield conversation, list(steps(conversation, packets, dns))


def _row(step: Step, conversation: Conversation, hosts: _Hosts, start_ns: int) -> LadderRow:
    detail = conversation.flow.detail or FlowDetail()
    at_s = (step.at_ns - start_ns) / 1e9
    if step.host and step.host == detail.source:
        text = f"from its own kernel, {step.text}"
        return LadderRow(at_s=at_s, source=0, target=0, text=clip(text, _LONGEST))
    address = step.host or _other_host(conversation)
    ends = (0, hosts.column(address))
    outwards = (step.by == "client") != detail.incoming
    source, target = ends if outwards else ends[::-1]
    text = hosts.prefix(address) + step.text
    return LadderRow(
        at_s=at_s, source=source, target=target, text=clip(text, _LONGEST), both=step.both
    )


def _call_rows(calls: Iterable[Call]) -> Iterator[LadderRow]:
    """What the client asked of the system; the same call again and again is one row."""
    last, count, first = "", 0, 0.0
    for call in [*calls, None]:
        text = _call_text(call) if call else ""
        if call and not text:
            continue
        if text == last:
            count += 1
            continue
        if last:
            again = f" {count} times" if count > 1 else ""
            yield LadderRow(at_s=first, source=0, target=0, text=clip(last, _LONGEST) + again)
        last, count, first = text, 1, call.at_s if call else 0.0


def _call_text(call: Call) -> str:
    """`getaddrinfo("closed.lab", 2525)`, `connect(198.18.0.11, 2525)`; empty for calls of
    libraries among themselves.
    """
    if not call.event.startswith(_SYSTEM):
        return ""
    name = call.event.removeprefix(_SYSTEM)
    quote = '"' if name in _QUOTED else ""
    args = [f"{quote}{arg}{quote}" if isinstance(arg, str) else str(arg) for arg in call.args]
    return one_column_each(f"{name}({', '.join(args)})")


def _ending(observation: Observation) -> LadderRow:
    exception = observation.exception
    mark, text = "✘", _ENDINGS.get(observation.outcome, "left something that is not a report")
    if observation.outcome is Outcome.RAISED and exception:
        text = f"{exception.type}: {exception.message}" if exception.message else exception.type
    elif observation.outcome is Outcome.RETURNED:
        mark = "✔"
        text = "returned" + (f" {observation.returned}" if observation.returned else "")
    text = clip(one_column_each(text), _LONGEST)
    return LadderRow(at_s=observation.elapsed_s, source=0, target=0, text=text, mark=mark)


def _without_middle(rows: Sequence[LadderRow]) -> list[LadderRow]:
    tail = ROWS_LIMIT - _HEAD_ROWS - 1
    left_out = len(rows) - _HEAD_ROWS - tail
    gap = LadderRow(source=0, target=0, text=f"{left_out} more rows left out", mark="…")
    return [*rows[:_HEAD_ROWS], gap, *rows[-tail:]]


def _footnotes(wire: Wire) -> Iterator[str]:
    drawn = {number for one in wire.conversations for number in one.numbers}
    rest = sum(
        1
        for packet in wire.packets
        if packet.number not in drawn and packet.protocol not in _KERNELS_OWN
    )
    if not wire.conversations:
        yield "No packet of the client was on the wire."
    if rest:
        packets = "1 packet that belongs" if rest == 1 else f"{rest} packets that belong"
        yield f"Not drawn: {packets} to no flow (fragments and the like)."
