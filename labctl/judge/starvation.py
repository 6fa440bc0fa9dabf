"""Whether a client failed for want of a processor: then nobody can say whether it would have
passed. Pure.

A client that waits for a processor is late, through no fault of its own. Its own deadlines, and
those of the scenario, may come before what it would have done. So a failure does not count if time
can have caused it, and the client or its services were starved for that long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from labctl.judge import forgery
from labctl.model.expectation import Expectation
from labctl.model.libraries import timeout_exceptions
from labctl.model.policy import Rule
from labctl.model.result import Difference, ExceptionInfo, Observation, Outcome

STARVED_S: Final = 0.2
"""Seconds of starvation from which on a client may have missed a deadline of its own."""
_SHARE: Final = 0.05
"""The part of a client's time that it may wait for a processor on any machine: each time that it
wakes up, it waits a little.
"""
_EVIDENCE = {"wire", "served"}
_HANGS = {"hang", "outcome"}
_KILLING = {"SIGKILL", "SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"}
"""The signals that no deadline of a client's own sends; SIGALRM, say, is one of those."""


def may_be_starved(
    expected: Expectation | Rule | None, observation: Observation, differences: Iterable[Difference]
) -> bool:
    """Tell whether all these differences may be there because the machine was too busy."""
    found = tuple(differences)
    return (
        bool(found)
        and not _is_certain(expected, observation)
        and all(_may_be_late(one, expected, observation, found) for one in found)
    )


def _is_certain(expected: Expectation | Rule | None, observation: Observation) -> bool:
    """Tell whether the client failed by what it did, whatever time it had."""
    is_doubted = isinstance(expected, Expectation) and any(forgery.doubts(expected, observation))
    return bool(observation.tampered) or is_doubted or _is_killed(observation) or hangs(observation)


def _is_killed(observation: Observation) -> bool:
    """Tell whether something else than its deadline killed the client: a crash, or the kernel, when
    its memory was used up. No wait for a processor leads there.
    """
    out_of_memory = observation.outcome is Outcome.OUT_OF_MEMORY
    return (out_of_memory or observation.signal in _KILLING) and not observation.cut_short


def is_starved(observation: Observation) -> bool:
    """Tell whether client and services waited so long for a processor that the client may have
    missed a deadline of its own.
    """
    return observation.starved_s >= max(STARVED_S, _SHARE * observation.process_s)


def hangs(observation: Observation) -> bool:
    """Tell whether a client was still running although it has had all its time: the probe adds the
    time that a client was starved to its limit.
    """
    was_ended = observation.exit is None and observation.signal is None
    still_ran = observation.outcome is Outcome.TIMED_OUT or (
        was_ended and _has_reported(observation)
    )
    return still_ran and not observation.cut_short


def _has_reported(observation: Observation) -> bool:
    """Tell whether the client's code had ended, whatever became of its process."""
    return observation.outcome in (Outcome.RAISED, Outcome.RETURNED)


def is_late_by_starvation(
    observation: Observation, *, took_s: float, inside_s: float, most_s: float | None
) -> bool:
    """Tell whether a client took more than `most_s` seconds, and would not have, had it never been
    starved. `inside_s` is the part of `took_s` in which it can have been starved.
    """
    return most_s is not None and took_s > most_s >= inside_s - observation.starved_s


def _may_be_late(
    difference: Difference,
    expected: Expectation | Rule | None,
    observation: Observation,
    differences: Iterable[Difference],
) -> bool:
    """Tell whether a difference may be there because the client was late."""
    if difference.what == "elapsed":
        took = observation.elapsed_s
        return is_late_by_starvation(
            observation, took_s=took, inside_s=took, most_s=_most_s(expected)
        )
    if difference.what in _HANGS and observation.outcome is Outcome.TIMED_OUT:
        return True  # unless it `hangs`
    if not is_starved(observation):
        return False
    if difference.what in _EVIDENCE:
        return True
    return _has_timed_out(observation) or any(one.what in _EVIDENCE for one in differences)


def _most_s(expected: Expectation | Rule | None) -> float | None:
    """Return the most seconds that a client may take; None if any number."""
    bounds = expected.elapsed if expected else None
    return bounds.max if bounds else None


def _has_timed_out(observation: Observation) -> bool:
    """Tell whether a deadline of the client's own came first: the exception that it raised, or one
    behind it, is a timeout.
    """
    raised = [observation.exception] if observation.exception else []
    raised += [one.exception for one in observation.unhandled]
    timeouts = timeout_exceptions()
    return any(timeouts.intersection(one.bases) for outer in raised for one in _chain(outer))


def _chain(exception: ExceptionInfo) -> Iterator[ExceptionInfo]:
    """Yield an exception, and all that it is chained to."""
    yield exception
    for inner in (*(exception.group or ()), exception.cause, exception.context):
        if inner is not None:
            yield from _chain(inner)


def busy_sentence(observation: Observation) -> str:
    """Return why nobody can say whether a starved client would have passed, as a sentence."""
    return (
        f"the client and its services waited {observation.starved_s:.1f} s for a processor: "
        "the machine was too busy to tell"
    )
