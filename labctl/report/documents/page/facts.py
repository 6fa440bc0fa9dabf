"""What was expected of an attempt beside what was observed, a line for each fact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import ValidationError

from labctl.judge.exceptions import describe
from labctl.judge.starvation import STARVED_S
from labctl.model.expectation import Expectation, ExpectedException
from labctl.model.result import AttemptResult, Difference, ExceptionInfo, Observation
from labctl.report.documents.page.alignment import (
    AlignedPair,
    FactMark,
    align_served,
    align_stack,
    align_wire,
)
from labctl.report.wording import ending_line
from labctl.text import format_limit, format_took

_ENDINGS = {"exception", "outcome", "returned"}
_PARTS = ("stack", "wire", "served")
_MOST = 60
"""Lines of one kind; a client may open any number of connections."""


@dataclass(frozen=True)
class Fact:
    """One fact. A side is empty if it has nothing to say of it."""

    what: str
    mark: FactMark
    expected: str
    observed: str


def compare_facts(attempt: AttemptResult) -> list[Fact]:
    """Return a row for every fact that was expected, in the order of `expect:`, and for what
    differs besides.
    """
    seen = attempt.observed
    wanted = _expectation(json.dumps(attempt.expected)) if attempt.expected else None
    if seen is None:
        return []
    parts = _parts(wanted, attempt.differences, seen)
    lines = [*_ending(wanted, attempt, seen), *_starved(seen), *parts]
    told = {line.what for line in lines}
    return [*lines, *_besides(attempt.differences, told)]


@lru_cache(maxsize=4096)
def _expectation(text: str) -> Expectation | None:
    """Parse an expectation. Return None if the document has something else there."""
    try:
        return Expectation.model_validate_json(text)
    except ValidationError:
        return None


def _ending(
    wanted: Expectation | None, attempt: AttemptResult, seen: Observation
) -> Iterator[Fact]:
    """Yield the facts of how the client ended."""
    wrong = {one.what for one in attempt.differences}
    differs = bool(wrong & _ENDINGS)
    if wanted is None:
        yield _unread(attempt, seen)
        return
    yield Fact("end", "differs" if differs else "same", _ending_text(wanted), ending_line(seen))
    if wanted.returns is None:
        observed = None if differs else seen.exception
        yield from _carried(wanted, observed, wrong, "")
    for one in wanted.unhandled:
        mark: FactMark = "differs" if "unhandled" in wrong else "same"
        met = ", ".join(dict.fromkeys(un.exception.type for un in seen.unhandled))
        yield Fact("unhandled", mark, describe(one), met)
    yield from _elapsed(wanted, wrong, seen)


def _starved(seen: Observation) -> Iterator[Fact]:
    """Yield the fact that the client or its services waited for a processor, if it was long."""
    if seen.starved_s >= STARVED_S:
        yield Fact("starved", "unjudged", "", f"{seen.starved_s:.1f} s without a processor")


def _unread(attempt: AttemptResult, seen: Observation) -> Fact:
    """Return the fact of the end, if no exception or value was expected."""
    by_policy = "policy" in (attempt.expected or ())
    for one in attempt.differences:
        if one.what in _ENDINGS:
            return Fact("end", "differs", one.expected, ending_line(seen))
    if by_policy:
        return Fact("end", "same", "what the policy admits", ending_line(seen))
    return Fact("end", "unjudged", "", ending_line(seen))


def _ending_text(wanted: Expectation) -> str:
    """Return the expected end, as a phrase."""
    if wanted.returns is None:
        return describe(wanted)
    return "returns anything" if wanted.returns == "..." else f"returned {wanted.returns}"


def _carried(
    wanted: ExpectedException, seen: ExceptionInfo | None, wrong: set[str], path: str
) -> Iterator[Fact]:
    """Yield the facts of an exception's attributes, message, links and members. None of them was
    compared if the type is another.
    """
    for name, value in wanted.attrs.items():
        what = f"{path}attrs.{name}"
        yield Fact(what, _mark(what, wrong, seen), _scalar(value), _attribute(seen, name))
    if wanted.message is not None:
        what = f"{path}message"
        said = (seen.message or "none") if seen else ""
        yield Fact(what, _mark(what, wrong, seen), f"with {wanted.message}", said)
    yield from _linked("cause", wanted.cause, seen, wrong, path)
    yield from _linked("context", wanted.context, seen, wrong, path)
    yield from _group(wanted, seen, wrong, path)


def _mark(what: str, wrong: set[str], seen: object) -> FactMark:
    """Return the mark of a fact: `differs`, `same`, or `unjudged` if nothing was seen."""
    if what in wrong:
        return "differs"
    return "unjudged" if seen is None else "same"


def _scalar(value: object) -> str:
    """Return a value as text."""
    return value if isinstance(value, str) else repr(value)


def _attribute(seen: ExceptionInfo | None, name: str) -> str:
    """Return an attribute as text, with its symbol; empty if it is not there."""
    if seen is None or name not in seen.attrs:
        return ""
    value = _scalar(seen.attrs[name])
    symbol = seen.symbols.get(name)
    return f"{symbol} ({value})" if symbol else value


def _linked(
    kind: Literal["cause", "context"],
    wanted: ExpectedException | Literal["none"] | None,
    seen: ExceptionInfo | None,
    wrong: set[str],
    path: str,
) -> Iterator[Fact]:
    """Yield the facts of an exception's cause or context."""
    if wanted is None:
        return
    other = getattr(seen, kind) if seen else None
    what = f"{path}{kind}"
    differs = what in wrong or f"{what}.exception" in wrong
    mark: FactMark = "differs" if differs else _mark(what, wrong, seen)
    text = wanted if isinstance(wanted, str) else describe(wanted)
    yield Fact(what, mark, text, other.type if other else "none" if seen else "")
    if isinstance(wanted, ExpectedException):
        yield from _carried(wanted, None if differs else other, wrong, f"{what}.")


def _group(
    wanted: ExpectedException, seen: ExceptionInfo | None, wrong: set[str], path: str
) -> Iterator[Fact]:
    """Yield the facts of a group's members."""
    found = (seen.group or ()) if seen else ()
    if wanted.group is None:
        return
    what = f"{path}group"
    types = ", ".join(one.type for one in found)
    yield Fact(what, _mark(what, wrong, seen), ", ".join(map(describe, wanted.group)), types)
    for number, one in enumerate(wanted.group, 1):
        member = found[number - 1] if len(found) == len(wanted.group) else None
        yield from _carried(one, member, wrong, f"{what}[{number}].")


def _elapsed(wanted: Expectation, wrong: set[str], seen: Observation) -> Iterator[Fact]:
    """Yield the fact of the time, if it was expected."""
    bounds = wanted.elapsed
    if bounds is None:
        return
    said = [
        f"{word} {format_limit(limit)}"
        for word, limit in (("at least", bounds.min), ("at most", bounds.max))
        if limit is not None
    ]
    took = format_took(seen.elapsed_s, bounds.min, bounds.max)
    yield Fact("elapsed", _mark("elapsed", wrong, seen), ", ".join(said), took)


def _parts(
    wanted: Expectation | None, differences: Sequence[Difference], seen: Observation
) -> Iterator[Fact]:
    """Yield the facts of stack, wire and services."""
    sides = {
        "stack": align_stack(wanted.stack if wanted else None, seen),
        "wire": align_wire(wanted.wire if wanted else None, seen),
        "served": align_served(wanted.served if wanted else None, seen),
    }
    for what, pairs in sides.items():
        own = [one for one in differences if one.what == what]
        yield from _lines(what, pairs, own)


def _lines(what: str, pairs: Sequence[AlignedPair], own: Sequence[Difference]) -> Iterator[Fact]:
    """Yield a fact for each pair of lines. A pair that no difference is about was forgiven, or not
    judged.
    """
    all_count = what == "stack" or any(one.actual.endswith(" more") for one in own)
    named = {side.casefold() for one in own for side in (one.expected, one.actual)}
    for pair in pairs[:_MOST]:
        mark = pair.mark
        counts = bool(own) and (all_count or {*map(str.casefold, pair.sides)} & named)
        if mark != "same" and not counts:
            mark = "also" if mark == "extra" else "unjudged"
        yield Fact(what, mark, pair.expected, pair.observed)
    if len(pairs) > _MOST:
        yield Fact(what, "unjudged", "", f"and {len(pairs) - _MOST} more")


def _besides(differences: Sequence[Difference], told: set[str]) -> Iterator[Fact]:
    """Yield a fact for each difference that has none yet, such as doubts."""
    for one in differences:
        known = told | (_ENDINGS if "end" in told else set())
        if one.what not in known and one.what.removesuffix(".exception") not in told:
            yield Fact(one.what, "differs", one.expected, one.actual)
