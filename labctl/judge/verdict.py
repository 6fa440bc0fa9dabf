"""What was expected x what was observed -> a verdict, with its reasons. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from labctl.errors import shorten_middle
from labctl.judge import exceptions, forgery
from labctl.judge.diff import Row, align, matches, stack_names
from labctl.judge.served import judge_served
from labctl.judge.wire import judge_wire
from labctl.model.expectation import ANY, Expectation, ExpectedException
from labctl.model.result import Difference, Observation, Outcome, Unhandled, Verdict
from labctl.text import format_limit, format_took

_EVIDENCE = ("wire", "served")
"""The keys of `expect:` that are about what others saw, not about what the client claims."""
_LITERAL_LIMIT = 4096
"""Characters of the longest `returned` that is read as a literal: it comes from anyone's code."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """`verdict` is None if nothing was expected. `not_judged` names keys of `expect:` that
    nobody has looked at.
    """

    verdict: Verdict | None
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    not_judged: tuple[str, ...] = ()


def judge(expectation: Expectation | None, observation: Observation) -> Judgement:
    """Judge one attempt by what its scenario expects. Each reason is a sentence, in the order of
    the differences.
    """
    if expectation is None:
        return Judgement(verdict=None)
    found = tuple(map(bounded, _differences(expectation, observation)))
    if found:
        verdict, reasons = Verdict.FAIL, tuple(one.message for one in found)
    else:
        reasons = tuple(_gaps(expectation, observation))
        verdict = Verdict.INCONCLUSIVE if reasons else Verdict.PASS
    return Judgement(
        verdict=verdict,
        reasons=reasons,
        differences=found,
        not_judged=tuple(key for key in _EVIDENCE if getattr(expectation, key) is None),
    )


def bounded(difference: Difference) -> Difference:
    """Return the difference with a message of at most MESSAGE_LIMIT characters. Scenarios and
    clients may name anything of any length.
    """
    message = shorten_middle(difference.message)
    is_short = message == difference.message
    return difference if is_short else difference.model_copy(update={"message": message})


def _gaps(expectation: Expectation, observation: Observation) -> Iterator[str]:
    """Yield, as sentences, what is missing in the evidence, so that nobody can say that all was as
    expected.
    """
    if expectation.wire is not None and observation.flows is None:
        yield "the packets were not captured, so nobody can say what was on the wire"
    elif expectation.wire is not None and observation.lost_packets:
        yield (
            f"{observation.lost_packets} packets were too many for the capture, so nobody can say "
            "what was on the wire"
        )
    if expectation.served is not None and observation.lost_events:
        yield (
            f"{observation.lost_events} of the services' events were too many to keep, so nobody "
            "can say what they served"
        )
    yield from forgery.uncertain(expectation, observation)


def _differences(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield all differences: in the client's claim, doubts about it, on the wire, and at the
    services.
    """
    yield from _claim(expectation, observation)
    yield from forgery.doubts(expectation, observation)
    wire, flows = expectation.wire, observation.flows
    if wire is not None and flows is not None and observation.lost_packets == 0:
        yield from judge_wire(wire, flows)
    if expectation.served is not None and observation.lost_events == 0:
        yield from judge_served(expectation.served, observation.served)


def _claim(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield the differences in what the probe reports, which is only the word of a program."""
    yield from _outcome(expectation, observation)
    if observation.outcome in (Outcome.RAISED, Outcome.RETURNED):
        yield from _stack(expectation, observation)
        yield from _unhandled(expectation.unhandled, observation.unhandled)
        yield from _elapsed(expectation, observation)


def _outcome(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield the differences in how the client ended: its exception or returned value."""
    exception = observation.exception
    returns = expectation.returns is not None
    if observation.outcome is Outcome.RAISED and exception and not returns:
        yield from exceptions.differences(expectation, exception)
    elif observation.outcome is Outcome.RETURNED and returns:
        yield from _returned(expectation.returns or ANY, observation)
    else:
        expected = _expected_ending(expectation)
        yield Difference(
            what="outcome",
            expected=expected,
            actual=exception.type if exception else observation.outcome.value,
            message=f"expected {expected}, but {ending(observation)}",
        )


def _expected_ending(expectation: Expectation) -> str:
    """Return how the client should have ended, as a phrase."""
    if expectation.returns is None:
        return exceptions.describe(expectation)
    return _return_text(expectation.returns)


def _return_text(returns: str) -> str:
    """Return the expectation that a client returns, as a phrase."""
    return "the client to return" if returns == ANY else f"the client to return {returns}"


def ending(observation: Observation) -> str:
    """Return how the client ended, as a clause: `TimeoutError was raised`."""
    exception = observation.exception
    return {
        Outcome.RAISED: f"{exception.type if exception else 'an exception'} was raised",
        Outcome.RETURNED: f"nothing was raised: the client returned {_value(observation)}",
        Outcome.EXITED: "the client ended its process before it raised or returned anything "
        f"(exit status {observation.exit})",
        Outcome.KILLED: f"the client was killed ({observation.signal or 'by a signal'})",
        Outcome.OUT_OF_MEMORY: "the client used up its memory and was killed",
        Outcome.TIMED_OUT: "the client was still running when its "
        f"{observation.elapsed_s:.1f} s were up",
        Outcome.GARBLED: "what came out of the client's container was not a report",
    }[observation.outcome]


def _value(observation: Observation) -> str:
    """Return the `repr` of what the client returned. It is None if it ended in a statement."""
    return "None" if observation.returned is None else exceptions.clip(observation.returned)


def _returned(expected: str, observation: Observation) -> Iterator[Difference]:
    """Yield a difference if the client returned another value."""
    actual = "None" if observation.returned is None else observation.returned
    if expected in (ANY, actual) or _same_literal(expected, actual):
        return
    yield Difference(
        what="returned",
        expected=expected,
        actual=actual,
        message=f"expected {_return_text(expected)}, but it returned {_value(observation)}",
    )


def _same_literal(expected: str, actual: str) -> bool:
    """Tell whether two texts are literals of the same type and value. Texts that are too long are
    not.
    """
    if len(actual) > _LITERAL_LIMIT:
        return False
    try:
        one, other = ast.literal_eval(expected), ast.literal_eval(actual)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return type(one) is type(other) and bool(one == other)


def _stack(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield a difference if the stack is not the expected one."""
    if expectation.stack is None:
        return
    observed = stack_names(observation)
    if not matches(expectation.stack, observed):
        rows = align(expectation.stack, observed)
        yield Difference(
            what="stack",
            expected="\n".join(expectation.stack),
            actual="\n".join(observed),
            message=_stack_message(rows),
        )


def _stack_message(rows: list[Row]) -> str:
    """Return a sentence about the first differing row, and the number of the others."""
    differing = [row for row in rows if row.mark != "same"]
    row = differing[0]
    what = {
        "differs": f"expected {row.expected}, but {row.observed} is there",
        "missing": f"expected {row.expected}, which is not there",
        "extra": f"{row.observed} is there, which was not expected",
    }[row.mark]
    rest = len(differing) - 1
    more = f" (and {rest} more {'difference' if rest == 1 else 'differences'})" if rest else ""
    return f"in the stack, {what}{more}"


def _unhandled(
    expected: Iterable[ExpectedException], observed: Iterable[Unhandled]
) -> Iterator[Difference]:
    """Yield the differences in the exceptions that ended threads and tasks. They end in any order,
    so each expected one may be any of those observed; exact types choose first.
    """
    left = list(observed)
    for wanted in sorted(expected, key=lambda one: one.raises is None):
        fitting = (one for one in left if not any(exceptions.differences(wanted, one.exception)))
        match = next(fitting, None)
        if match:
            left.remove(match)
            continue
        yield Difference(
            what="unhandled",
            expected=exceptions.describe(wanted),
            actual="none",
            message=f"expected {exceptions.describe(wanted)} to end a thread or a task unhandled, "
            "but none did",
        )
    for one in left:
        yield Difference(
            what="unhandled",
            expected="none",
            actual=one.exception.type,
            message=f"{one.exception.type} ended {one.where} unhandled, which was not expected",
        )


def _elapsed(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield a difference if the client took too little or too much time."""
    bounds, took = expectation.elapsed, observation.elapsed_s
    if bounds is None:
        return
    if bounds.min is not None and took < bounds.min:
        yield _took(took, "at least", bounds.min)
    if bounds.max is not None and took > bounds.max:
        yield _took(took, "at most", bounds.max)


def _took(took: float, word: str, limit: float) -> Difference:
    """Return the difference of a time that is beyond a limit."""
    expected, actual = f"{word} {format_limit(limit)}", format_took(took, limit)
    return Difference(
        what="elapsed",
        expected=expected,
        actual=actual,
        message=f"expected the client to take {expected}, but it took {actual}",
    )
