"""What a scenario expects of its clients, in words."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.expectation import ANY, Expectation, ExpectedException
from labctl.model.scenario import Attempt
from labctl.text import format_limit


def expected_endings(attempt: Attempt) -> list[str]:
    """Return how an attempt may end, each way once: `returns`, or an exception's bare name."""
    return list(dict.fromkeys(_ending(one).rpartition(".")[2] for one in attempt.expectations))


def _ending(expected: Expectation) -> str:
    """Return the expected exception's name, or `returns`."""
    return expected.raises or expected.isa or "returns"


def expectation_lines(expected: Expectation) -> Iterator[str]:
    """Yield all that one variant expects, a line for each fact; details of a fact are indented."""
    if expected.returns is not None:
        yield "returns anything" if expected.returns == ANY else f"returns {expected.returns}"
    else:
        yield from _exception_lines("raises", expected)
    for exception in expected.unhandled:
        yield from _exception_lines("ends a thread or a task with", exception)
    if expected.stack is not None:
        yield "the stack" if expected.stack else "no library function in the stack"
        yield from (f"  {frame}" for frame in expected.stack)
    if expected.wire is not None:
        yield "on the wire nothing at all" if expected.wire == "nothing" else "on the wire"
        yield from (f"  {line}" for line in expected.wire if expected.wire != "nothing")
    if expected.served is not None:
        yield "seen by the servers" if expected.served else "nothing seen by the servers"
        yield from (f"  {line}" for line in expected.served)
    yield from _elapsed_lines(expected)


def _exception_lines(verb: str, expected: ExpectedException, indent: str = "") -> Iterator[str]:
    """Yield lines about an expected exception, indented."""
    yield f"{indent}{verb} {expected.raises or f'a kind of {expected.isa}'}"
    inner = f"{indent}  "
    for name, value in expected.attrs.items():
        yield f"{inner}{name} {value}"
    if expected.message is not None:
        yield f"{inner}message with {expected.message!r}"
    for link in ("cause", "context"):
        linked = getattr(expected, link)
        if isinstance(linked, ExpectedException):
            yield from _exception_lines(link, linked, inner)
        elif linked is not None:
            yield f"{inner}no {link}"
    for member in expected.group or ():
        yield from _exception_lines("in the group", member, inner)


def _elapsed_lines(expected: Expectation) -> Iterator[str]:
    """Yield lines about the expected time."""
    if expected.elapsed and expected.elapsed.min is not None:
        yield f"takes at least {format_limit(expected.elapsed.min)}"
    if expected.elapsed and expected.elapsed.max is not None:
        yield f"takes at most {format_limit(expected.elapsed.max)}"
