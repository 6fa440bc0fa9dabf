"""One failure met by many clients, side by side: what each would have to catch. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.comparison import Compared, Comparison, Retry
from labctl.model.libraries import Library, libraries
from labctl.model.result import AttemptResult, ExceptionInfo, Result
from labctl.results.retry import FailureKind, kind_of

BUILT_IN_CLAUSES = ("OSError", "TimeoutError", "ConnectionError")
"""Exceptions that every `except` can name without an import."""
_UNTELLING_BASES = ("Exception", "BaseException")


def compare(result: Result) -> Comparison:
    """Compare the clients of a run of one scenario on one Python."""
    first = result.attempts[0] if result.attempts else None
    return Comparison(
        labctl=result.labctl,
        scenario=first.scenario if first else "",
        python=first.python if first else "",
        interrupted=result.interrupted,
        clients=tuple(_compared(one) for one in result.attempts),
    )


def _compared(attempt: AttemptResult) -> Compared:
    """Return what a comparison tells about one attempt."""
    seen = attempt.observed
    exception = seen.exception if seen else None
    return Compared(
        attempt=attempt.attempt,
        verdict=attempt.verdict,
        reasons=attempt.reasons,
        libraries=attempt.libraries,
        outcome=seen.outcome if seen else None,
        type=exception.type if exception else None,
        message=exception.message if exception else None,
        bases=_bases(exception) if exception else (),
        caught_by=_caught_by(attempt, exception) if exception else {},
        retry=_retry(kind_of(exception)) if exception else None,
    )


def _bases(exception: ExceptionInfo) -> tuple[str, ...]:
    """Return the bases that tell one exception from another."""
    return tuple(base for base in exception.bases[1:] if base not in _UNTELLING_BASES)


def _caught_by(attempt: AttemptResult, exception: ExceptionInfo) -> dict[str, bool]:
    """Return which `except` clauses catch the exception."""
    clauses = {name: name for name in BUILT_IN_CLAUSES}
    for library in _libraries(attempt):
        clauses |= library.clauses
    return {clause: name in exception.bases for clause, name in clauses.items()}


def _libraries(attempt: AttemptResult) -> Iterator[Library]:
    """Yield the libraries that the client requires, or else the one that its exception first came
    through.

    A result of another labctl may name libraries that this one does not know. They are left out.
    """
    known = libraries()
    if attempt.libraries:
        yield from (known[name] for name in attempt.libraries if name in known)
        return
    frames = attempt.observed.stack if attempt.observed else ()
    tops = [frame.module.partition(".")[0] for frame in frames]
    yield from (library for library in known.values() if library.module in tops[:1])


def _retry(kind: FailureKind) -> Retry:
    """Return whether a kind of failure is worth a retry, and why."""
    return Retry(worth=kind.retry, kind=kind.name, why=kind.why)
