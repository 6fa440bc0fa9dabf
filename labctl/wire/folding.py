"""The steps of a conversation, and how data that goes on and on becomes fewer of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from labctl.model.flow_detail import Side
from labctl.wire.text import size, times


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    """What one packet carries, or several do: `said` is what the first of them says, if anything
    that can be read, `size` the bytes of all. `ends` is so where nothing of it is still to come.
    """

    said: str
    size: int
    payload: bytes = b""
    ends: bool = False
    again: bool = False
    """Whether it was sent before."""
    packets: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that happened, of one packet or of several that are shown as one.

    `by` is the side it comes from; `host` the address of the other host, where that isn't the
    flow's own (a router that sends an ICMP error). `both` is so for data in both directions.
    """

    at_ns: int
    by: Side
    text: str
    host: str = ""
    both: bool = False
    data: Data | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Folding:
    """How much of the data is shown. With `lines`, each line that came in a packet of its own;
    else what one side says is one step until the other answers. Of a dialogue, `most` steps are
    shown at its start and as many at its end; all where it is None.
    """

    lines: bool = False
    most: int | None = None


FOLDINGS = (Folding(lines=True), Folding(), *(Folding(most=most) for most in (12, 6, 3, 0)))
"""From all that there is to read to the fewest steps."""


def fold(found: Iterable[Step], folding: Folding) -> list[Step]:
    """The steps, with those of data joined that one can stand for."""
    groups: list[list[Step]] = []
    for step in found:
        if groups and _goes_on(groups[-1][-1], step, lines=folding.lines):
            groups[-1].append(step)
        else:
            groups.append([step])
    folded = [_joined(group) for group in groups]
    if folding.most is None:
        return folded
    runs = [list(run) for _, run in groupby(folded, key=lambda step: step.data is None)]
    return [step for run in runs for step in _without_middle(run, folding.most)]


def _goes_on(last: Step, step: Step, *, lines: bool) -> bool:
    """Whether a step of data is more of the one before it."""
    one, other = last.data, step.data
    if one is None or other is None or last.by != step.by:
        return False
    if not lines:
        return True
    return one.again == other.again and (not one.ends or one.payload == other.payload)


def _without_middle(run: list[Step], most: int) -> list[Step]:
    end = len(run) - most
    if run[0].data is None or end - most <= 1:
        return run
    return [*run[:most], _joined(run[most:end]), *run[end:]]


def _joined(steps: list[Step]) -> Step:
    first = steps[0]
    parts = [step.data for step in steps if step.data]
    if len(parts) < 2:  # noqa: PLR2004 nothing to join
        return first
    both = any(step.both or step.by != first.by for step in steps)
    alike = all(part.payload == parts[0].payload for part in parts)
    data = Data(
        said=parts[0].said,
        size=sum(part.size for part in parts),
        again=all(part.again for part in parts),
        packets=sum(part.packets for part in parts),
    )
    return replace(first, text=_text(data, alike=alike, both=both), both=both, data=data)


def _text(data: Data, *, alike: bool, both: bool) -> str:
    """How much it is comes first: a line that is too long is cut at its end."""
    again = " again" if data.again else ""
    amount = f"{data.packets} packets{again}, {size(data.size)}"
    if both or not data.said:
        return amount
    return f"{data.said}{again}, {times(data.packets)}" if alike else f"{amount}: {data.said}"
