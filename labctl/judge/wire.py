"""Expected x observed flows -> differences. Pure.

The rules, beside "each expected flow is there, in order, and no other":

- Flows that another host began (`detail.incoming`) are not the client's doing: they may be
  expected, and are no difference where they aren't.
- A client that asks for any address (`AF_UNSPEC`) asks for AAAA beside A. An AAAA question
  needs no line of its own if it goes with an expected A question of the same name, no line
  names that AAAA, and it came to as little: no data or the A question's own failure. An AAAA
  question that was answered with an address must be expected.
- An ARP request that nobody answers is a flow and must be expected. Answered ones are none, and
  neither is what kernels send by themselves: neighbour discovery, group membership, keepalives.
- `nothing` is no flow at all of the client's host: no packet but those of its kernel's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from labctl.model.flow_detail import FlowDetail
from labctl.model.flows import wire_line
from labctl.model.result import Difference, Flow

NOTHING: Literal["nothing"] = "nothing"
_MOST = 20
"""Differences that are told one by one: a client may open any number of connections."""


def judge_wire(
    expected: Literal["nothing"] | Sequence[str], flows: Sequence[Flow]
) -> list[Difference]:
    """Return how the flows on the wire differ from the lines that a scenario expects."""
    wanted = [] if expected == NOTHING else [_normal(line) for line in expected]
    seen = [f for f in flows if not _forgiven(f, wanted)]
    lines = [_normal(wire_line(flow)) for flow in seen]
    found = list(_differences(wanted, lines, seen))
    return found if len(found) <= _MOST else [*found[:_MOST], _more(len(found) - _MOST)]


def fewest_lines(flows: Sequence[Flow]) -> list[str]:
    """Return the fewest lines of `wire:` that expect just these flows."""
    lines = [wire_line(flow) for flow in flows if not _detail(flow).incoming]
    wanted = [_normal(line) for line in lines if not _is_aaaa(line)]
    return [line for line in lines if not _comes_with_a(_normal(line), wanted)]


def _is_aaaa(line: str) -> bool:
    """Tell whether a line of `wire` is a look-up of IPv6 addresses."""
    return line.startswith("dns ") and line.rpartition(" ")[0].endswith(" AAAA")


def _normal(line: str) -> str:
    """Return a line with host names in lower case. Types of records stay in capitals."""
    words = line.split(" ")
    return " ".join([*(word.lower() for word in words[:2]), *words[2:]])


def _detail(flow: Flow) -> FlowDetail:
    """Return a flow's details; empty ones if it has none."""
    return flow.detail or FlowDetail()


def _forgiven(flow: Flow, wanted: Sequence[str]) -> bool:
    """Tell whether a flow needs no line of its own in `wire`."""
    line = _normal(wire_line(flow))
    if line in wanted:
        return False
    return _detail(flow).incoming or _comes_with_a(line, wanted)


def _comes_with_a(line: str, wanted: Sequence[str]) -> bool:
    """Tell whether a line is the AAAA question that comes with an expected A question."""
    if not _is_aaaa(line):
        return False
    question, _, outcome = line.removeprefix("dns ").rpartition(" ")
    stem = f"dns {question.removesuffix(' AAAA')}"
    if any(other.startswith(f"{stem} AAAA ") for other in wanted):
        return False
    own = {other.rpartition(" ")[2] for other in wanted if other.startswith(f"{stem} A ")}
    return bool(own) and outcome != "answered" and outcome in {"nodata", *own}


def _differences(
    wanted: Sequence[str], lines: Sequence[str], seen: Sequence[Flow]
) -> Iterator[Difference]:
    """Yield the differences between expected and observed lines, aligned in order."""
    missing, extra = _unmatched(wanted, lines)
    for index in missing:
        twin = _twin(wanted[index], extra, lines)
        if twin is None:
            yield _missing(wanted[index], lines)
            continue
        extra.remove(twin)
        if wanted[index] == lines[twin]:
            yield _out_of_order(wanted[index])
        else:
            yield _other_outcome(wanted[index], lines[twin], seen[twin])
    for index in extra:
        yield _unexpected(lines[index], wanted)


def _unmatched(wanted: Sequence[str], lines: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the indices of both sides' lines that are not part of the common sequence."""
    matcher = SequenceMatcher(None, wanted, lines, autojunk=False)
    missing: list[int] = []
    extra: list[int] = []
    for tag, low, high, start, end in matcher.get_opcodes():
        if tag != "equal":
            missing += range(low, high)
            extra += range(start, end)
    return missing, extra


def _subject(line: str) -> str:
    """Return a line of `wire` without its outcome."""
    return line.rpartition(" ")[0]


def _twin(line: str, extra: Sequence[int], lines: Sequence[str]) -> int | None:
    """Return the index, one of `extra`, of the flow that an expected line must have meant: the same
    line in another place, else one that differs only in its outcome. Return None if there is none.
    """
    same = (i for i in extra if lines[i] == line)
    similar = (i for i in extra if _subject(lines[i]) == _subject(line))
    return next(same, next(similar, None))


def _difference(expected: str, actual: str, message: str) -> Difference:
    """Return a difference on the wire."""
    return Difference(what="wire", expected=expected, actual=actual, message=message)


def _missing(line: str, lines: Sequence[str]) -> Difference:
    """Return the difference for an expected flow that is not on the wire."""
    rest = "the wire shows no such flow" if lines else "no packet of the client was on the wire"
    return _difference(line, "nothing", f"on the wire, expected `{line}`, but {rest}")


def _out_of_order(line: str) -> Difference:
    """Return the difference for a flow in the wrong place."""
    message = f"on the wire, `{line}` is there, but not in the place where it was expected"
    return _difference(line, line, message)


def _other_outcome(expected: str, actual: str, flow: Flow) -> Difference:
    """Return the difference for a flow that ended otherwise than expected."""
    message = (
        f"on the wire, expected `{_subject(expected)}` to be {expected.rpartition(' ')[2]}, but it "
        f"was {flow.outcome}{_evidence(flow)}"
    )
    return _difference(expected, actual, message)


def _unexpected(line: str, wanted: Sequence[str]) -> Difference:
    """Return the difference for a flow that was not expected."""
    if not wanted:
        message = f"expected nothing on the wire, but `{line}` is there"
    elif line in wanted:
        message = f"on the wire, `{line}` is there more often than expected"
    else:
        message = f"on the wire, `{line}` is there, which was not expected"
    return _difference("nothing", line, message)


def _more(number: int) -> Difference:
    """Return the difference that stands for those left out."""
    message = f"and {number} more differences on the wire"
    return _difference("", f"{number} more", message)


def _evidence(flow: Flow) -> str:
    """Return, in parentheses, the packets that make a flow's outcome what it is."""
    detail = _detail(flow)
    if flow.outcome == "unreachable" and detail.icmp:
        return f" (ICMP {detail.icmp.meaning} from {detail.icmp.sender})"
    if flow.outcome == "reset" and detail.reset_by:
        return f" (by the {detail.reset_by})"
    if flow.outcome == "closed" and detail.closed_first:
        return f" (the {detail.closed_first} closed first)"
    if flow.protocol == "tcp":
        return {
            "refused": " (a RST answered the SYN)",
            "unanswered": f" ({detail.requests} SYNs, no answer)",
        }.get(flow.outcome, "")
    return f" ({detail.dns.code})" if detail.dns and detail.dns.code else ""
