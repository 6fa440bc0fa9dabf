"""What a policy admits x what was observed -> a verdict, with its reasons. Pure.

It asks whether a client survives, not whether it met what a scenario expects. All rests on what the
probe reports, and on how the process ended: a team's own client has no reason to lie.

A connection that is `open` on the wire tells nothing of who left a socket open: the kernel closes
what a process leaves behind, and the capture may end before that. So the probe looks itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from labctl.judge.admitted import left_by_exit, raised
from labctl.judge.exceptions import clip
from labctl.judge.verdict import Judgement, bounded, ending, judge
from labctl.model.expectation import Expectation
from labctl.model.policy import Rule
from labctl.model.result import Difference, Observation, Outcome, Unhandled, Verdict
from labctl.text import format_limit, format_took

WORST_FIRST: Final = (
    "hang", "out-of-memory", "killed", "garbled", "exit", "exception", "returned", "unhandled",
    "elapsed", "sockets",
)  # fmt: skip
"""What the differences are called, in the order in which they come, too."""

SOCKETS_TOLD: Final = 16
"""As many as the probe tells of."""
_ENDED = (Outcome.RAISED, Outcome.RETURNED)
_SHOWN = 4
_UNFLUSHED = 120
"""What CPython exits with where the standard output can't be written."""
_BROKEN = {
    Outcome.TIMED_OUT: ("hang", "give all that waits a timeout, and the whole a deadline"),
    Outcome.OUT_OF_MEMORY: ("out-of-memory", "bound what you read of a peer"),
    Outcome.KILLED: ("killed", "nothing but a crash, or a signal of its own, does that"),
    Outcome.GARBLED: ("garbled", "leave all descriptors alone that are not yours"),
    Outcome.EXITED: ("exit", "nobody can catch what os._exit does, so raise, or call sys.exit"),
}
_REMEDIES = (
    ("thread", "catch it in the thread, and hand it to whoever waits for that"),
    ("task", "await the task, or put it in a task group"),
    ("future", "await the future"),
    ("event loop", "catch it in the callback"),
)


def policy_json(rule: Rule) -> dict[str, Any]:
    """Return the rule as JSON, as the `expected` of a result has it."""
    return {"policy": rule.model_dump(mode="json", exclude_none=True)}


def judge_policy(rule: Rule, observation: Observation) -> Judgement:
    """Judge one attempt by a rule of a policy. Each reason is a sentence, the worst first."""
    found = tuple(map(bounded, _differences(rule, observation)))
    if found:
        reasons = tuple(one.message for one in found)
        return Judgement(verdict=Verdict.FAIL, reasons=reasons, differences=found)
    reasons = tuple(_gaps(rule, observation))
    return Judgement(verdict=Verdict.INCONCLUSIVE if reasons else Verdict.PASS, reasons=reasons)


def _gaps(rule: Rule, seen: Observation) -> Iterator[str]:
    """Yield, as sentences, why nobody can say whether the client survived."""
    if not (seen.flows or seen.lost_packets or seen.calls or seen.omitted_calls):
        yield (
            "the client neither asked for a name nor for a connection, so no failure met it: its "
            "target is in LAB_HOST and LAB_PORT"
        )
    if rule.sockets == "closed" and seen.sockets is None:
        yield "the probe could not tell which sockets were still open"


def _differences(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference for each rule of the policy that the client broke."""
    if seen.outcome not in _ENDED:
        what, remedy = _BROKEN[seen.outcome]
        yield _difference(what, "an end", seen.outcome.value, f"{ending(seen)}: {remedy}")
        return
    yield from _end_of_process(seen)
    for look in _LOOKS:
        yield from look(rule, seen)


def _difference(what: str, expected: str, actual: str, message: str) -> Difference:
    """Return a difference from a policy."""
    return Difference(what=what, expected=expected, actual=actual, message=message)


def _end_of_process(seen: Observation) -> Iterator[Difference]:
    """Yield a difference if the process was killed, or did not end by itself. The supervisor names
    an exit code or a signal for all others.
    """
    if seen.signal:
        message = f"the client's code had ended when its process was killed ({seen.signal})"
        yield _difference("killed", "an end", seen.signal, message)
    elif seen.exit is None:
        yield _difference(
            "hang",
            "an end",
            "still running",
            f"the client's code had ended after {format_took(seen.elapsed_s)}, but its process "
            "never did: a thread, an atexit function or a __str__ waits without a timeout",
        )


def _exits(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference if the process's exit code is not allowed."""
    code = seen.exit
    if code is None:
        return
    if left_by_exit(seen) and rule.exits != "any" and code not in rule.exits:
        allowed = _either(map(str, rule.exits)) or "no code at all"
        message = f"the client exited with {code}, where `exits` admits {allowed}"
        yield _difference("exit", allowed, str(code), message)
    elif seen.outcome is Outcome.RETURNED and code != 0:
        why = ": its output could not be written" if code == _UNFLUSHED else ""
        message = f"the client's code returned, but its process exited with {code}{why}"
        yield _difference("exit", "0", str(code), message)


def _returned(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference if the client returned, although it must not, or returned another value.
    sys.exit(0) counts as a return.
    """
    as_well = seen.outcome is Outcome.RETURNED or (left_by_exit(seen) and seen.exit == 0)
    if not as_well:
        return
    if rule.returned is None:
        how = "exited with 0" if left_by_exit(seen) else "returned"
        message = f"the client {how} as if all were well, but this failure must come out of it"
        yield _difference("returned", "an exception, or an exit code", how, message)
        return
    value = seen.model_copy(update={"outcome": Outcome.RETURNED, "exception": None})
    wanted = judge(Expectation(returns=rule.returned), value)
    yield from (one for one in wanted.differences if one.what == "returned")


def _unhandled(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference for each exception that ended a thread or a task."""
    for one in seen.unhandled if rule.unhandled == "none" else ():
        type_ = one.exception.type
        yield _difference("unhandled", "none", type_, f"{type_} {_went_unnoticed(one)}")


def _went_unnoticed(one: Unhandled) -> str:
    """Return where an unhandled exception went, and what to do about it, as a clause."""
    if one.where == "unraisable":
        return "came out of a destructor or a callback, where nobody can catch it"
    remedy = next((text for start, text in _REMEDIES if one.where.startswith(start)), "catch it")
    return f"ended {clip(one.where)}, and the client's code was not told: {remedy}"


def _elapsed(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference if the client took too long."""
    took, most = seen.elapsed_s, rule.elapsed.max
    if took > most:
        limit, actual = format_limit(most), format_took(took, most)
        message = (
            f"the client took {actual}, where {limit} are the most: give each step a "
            "shorter timeout, and the whole a deadline"
        )
        yield _difference("elapsed", f"at most {limit}", actual, message)


def _sockets(rule: Rule, seen: Observation) -> Iterator[Difference]:
    """Yield a difference if sockets were still open at the end."""
    if rule.sockets == "any" or not seen.sockets:
        return
    number = len(seen.sockets)
    more = " or more" if number >= SOCKETS_TOLD else ""
    were, them = ("socket was", "it") if number == 1 else ("sockets were", "them")
    told = _listed(seen.sockets)
    message = (
        f"{number}{more} {were} still open when the client's code had ended, {told}: close {them}, "
        "by `with` or in `finally`"
    )
    yield _difference("sockets", "none", told, message)


def _listed(sockets: Sequence[str]) -> str:
    """Return the sockets as a list for a message, each once, with its number."""
    counts = Counter(map(clip, sockets))
    told = [name if n == 1 else f"{n} times {name}" for name, n in counts.most_common(_SHOWN)]
    return ", ".join(told) + (", ..." if len(counts) > _SHOWN else "")


def _either(words: Iterator[str]) -> str:
    """Join words with commas and a last `or`."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} or {last}" if first else last


_LOOKS: Final[tuple[Callable[[Rule, Observation], Iterator[Difference]], ...]] = (
    _exits, raised, _returned, _unhandled, _elapsed, _sockets,
)  # fmt: skip
