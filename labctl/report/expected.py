"""What a scenario expects, in words."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.expectation import ANY, Expectation, ExpectedException
from labctl.model.scenario import Attempt


def brief(attempt: Attempt) -> list[str]:
    """The different endings that an attempt's variants expect, without their modules."""
    return list(dict.fromkeys(_ending(one).rpartition(".")[2] for one in attempt.expectations))


def _ending(expected: Expectation) -> str:
    return expected.raises or expected.isa or "returns"


def expectation_lines(expected: Expectation) -> Iterator[str]:
    """All that one variant expects, a fact a line; what belongs to a fact is indented."""
    if expected.returns is not None:
        yield "returns anything" if expected.returns == ANY else f"returns {expected.returns}"
    else:
        yield from _exception_lines("raises", expected)
    for one in expected.unhandled:
        yield from _exception_lines("ends a thread or a task with", one)
    if expected.stack is not None:
        yield "the stack" if expected.stack else "no library function in the stack"
        yield from (f"  {frame}" for frame in expected.stack)
    if expected.wire is not None:
        yield "on the wire nothing at all" if expected.wire == "nothing" else "on the wire"
        yield from (f"  {line}" for line in expected.wire if expected.wire != "nothing")
    if expected.served is not None:
        yield "seen by the servers" if expected.served else "nothing seen by the servers"
        yield from (f"  {line}" for line in expected.served)
    yield from _elapsed(expected)


def _exception_lines(verb: str, expected: ExpectedException, indent: str = "") -> Iterator[str]:
    yield f"{indent}{verb} {expected.raises or f'a kind of {expected.isa}'}"
    inner = f"{indent}  "
    for name, value in expected.attrs.items():
        yield f"{inner}{name} {value}"
    if expected.message is not None:
        yield f"{inner}message with {expected.message!r}"
    for link in ("cause", "context"):
        one = getattr(expected, link)
        if isinstance(one, ExpectedException):
            yield from _exception_lines(link, one, inner)
        elif one is not None:
            yield f"{inner}no {link}"
    for one in expected.group or ():
        yield from _exception_lines("in the group", one, inner)


def _elapsed(expected: Expectation) -> Iterator[str]:
    if expected.elapsed and expected.elapsed.min is not None:
        yield f"takes at least {expected.elapsed.min:g} s"
    if expected.elapsed and expected.elapsed.max is not None:
        yield f"takes at most {expected.elapsed.max:g} s"
