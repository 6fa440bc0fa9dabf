"""Folding: many steps that carry data become few, so that a ladder has not too many rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from labctl.model.flow_detail import Side
from labctl.text import format_size, format_times


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """The data of one packet, or of several that are shown as one step.

    `preview` is the first packet's first line for people, empty if it can't be read; `size` the
    bytes of all packets; `payload` the bytes captured of a single one. `is_complete` is true for
    data that ends with its packet: a line of text, a datagram.
    """

    preview: str
    size: int
    payload: bytes = b""
    is_complete: bool = False
    is_repeat: bool = False
    """The same data was sent before."""
    packets: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that happened in a flow: a packet, or several that are shown as one.

    `by` is the side that sent it. `host` is the other host's address if that is not the flow's own
    (a router that sends an ICMP error). `both` is true for data in both directions.
    """

    at_ns: int
    by: Side
    text: str
    host: str = ""
    both: bool = False
    data: Data | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Folding:
    """How far data is folded.

    With `by_line`, each line that came in a packet of its own is a step; without, all that one side
    sends until the other answers. Of a dialogue, `edge` steps are kept at its start and as many at
    its end, and those between become one; None keeps all.
    """

    by_line: bool = False
    edge: int | None = None


FOLDINGS = (Folding(by_line=True), Folding(), *(Folding(edge=edge) for edge in (12, 6, 3, 0)))
"""From the most steps to the fewest: the first that gives few enough rows is taken."""


def fold(steps: Iterable[Step], folding: Folding) -> list[Step]:
    """Return the steps of one flow, those of data joined as far as `folding` says."""
    groups: list[list[Step]] = []
    for step in steps:
        if groups and _continues(groups[-1][-1], step, by_line=folding.by_line):
            groups[-1].append(step)
        else:
            groups.append([step])
    folded = [_joined(group) for group in groups]
    if folding.edge is None:
        return folded
    runs = [list(run) for _, run in groupby(folded, key=lambda step: step.data is None)]
    return [step for run in runs for step in _without_middle(run, folding.edge)]


def _continues(last: Step, step: Step, *, by_line: bool) -> bool:
    """Return whether a step's data continues or repeats that of the step before it."""
    before, data = last.data, step.data
    if before is None or data is None or last.by != step.by:
        return False
    if not by_line:
        return True
    return before.is_repeat == data.is_repeat and (
        not before.is_complete or before.payload == data.payload
    )


def _without_middle(run: list[Step], edge: int) -> list[Step]:
    """Return a run of steps with `edge` of them at each end, and all between joined to one."""
    end = len(run) - edge
    if run[0].data is None or end - edge <= 1:
        return run
    return [*run[:edge], _joined(run[edge:end]), *run[end:]]


def _joined(steps: list[Step]) -> Step:
    """Return one step that stands for all of them."""
    first = steps[0]
    parts = [step.data for step in steps if step.data]
    if len(parts) < 2:  # noqa: PLR2004 nothing to join
        return first
    both = any(step.both or step.by != first.by for step in steps)
    alike = all(part.payload == parts[0].payload for part in parts)
    data = Data(
        preview=parts[0].preview,
        size=sum(part.size for part in parts),
        is_repeat=all(part.is_repeat for part in parts),
        packets=sum(part.packets for part in parts),
    )
    return replace(first, text=_text(data, alike=alike, both=both), both=both, data=data)


def _text(data: Data, *, alike: bool, both: bool) -> str:
    """Return what several packets carry; `alike` says that all carry the same."""
    again = " again" if data.is_repeat else ""
    # The amount comes first, since a text that is too long is cut at its end.
    amount = f"{data.packets} packets{again}, {format_size(data.size)}"
    if both or not data.preview:
        return amount
    if alike:
        return f"{data.preview}{again}, {format_times(data.packets)}"
    return f"{amount}: {data.preview}"
