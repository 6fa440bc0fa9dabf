"""One failure through many clients, side by side: what each would have to catch. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.comparison import Compared, Comparison, Retry
from labctl.model.result import AttemptResult, ExceptionInfo, Result
from labctl.results.retry import Kind, kind_of

EVERYWHERE = ("OSError", "TimeoutError", "ConnectionError")
"""What `except` can name without an import."""
_CLAUSES = {
    "smtplib": {"smtplib.SMTPException": "smtplib.SMTPException"},
    "urllib": {"urllib.error.URLError": "urllib.error.URLError"},
    "http": {"http.client.HTTPException": "http.client.HTTPException"},
    "requests": {
        "requests.ConnectionError": "requests.exceptions.ConnectionError",
        "requests.Timeout": "requests.exceptions.Timeout",
        "requests.RequestException": "requests.exceptions.RequestException",
    },
    "urllib3": {
        "urllib3.exceptions.NewConnectionError": "urllib3.exceptions.NewConnectionError",
        "urllib3.exceptions.TimeoutError": "urllib3.exceptions.TimeoutError",
        "urllib3.exceptions.HTTPError": "urllib3.exceptions.HTTPError",
    },
    "httpx": {
        "httpx.ConnectError": "httpx.ConnectError",
        "httpx.TimeoutException": "httpx.TimeoutException",
        "httpx.TransportError": "httpx.TransportError",
    },
    "aiohttp": {
        "aiohttp.ClientConnectionError": "aiohttp.client_exceptions.ClientConnectionError",
        "aiohttp.ClientError": "aiohttp.client_exceptions.ClientError",
    },
    "aiosmtplib": {
        "aiosmtplib.SMTPConnectError": "aiosmtplib.errors.SMTPConnectError",
        "aiosmtplib.SMTPException": "aiosmtplib.errors.SMTPException",
    },
}
"""By library, what people write after `except`, and what that class calls itself."""
_SHARED = ("Exception", "BaseException")


def compare(result: Result) -> Comparison:
    """What a run of one scenario on one Python says of its clients."""
    first = result.attempts[0] if result.attempts else None
    return Comparison(
        labctl=result.labctl,
        scenario=first.scenario if first else "",
        python=first.python if first else "",
        interrupted=result.interrupted,
        clients=tuple(_compared(one) for one in result.attempts),
    )


def _compared(attempt: AttemptResult) -> Compared:
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
    """Those that tell one exception from another."""
    return tuple(base for base in exception.bases[1:] if base not in _SHARED)


def _caught_by(attempt: AttemptResult, exception: ExceptionInfo) -> dict[str, bool]:
    clauses = {name: name for name in EVERYWHERE}
    for library in _libraries(attempt):
        clauses |= _CLAUSES.get(library, {})
    return {clause: name in exception.bases for clause, name in clauses.items()}


def _libraries(attempt: AttemptResult) -> Iterator[str]:
    """What the client uses: what it requires; else what its exception first came through."""
    if attempt.libraries:
        yield from attempt.libraries
        return
    frames = attempt.observed.stack if attempt.observed else ()
    tops = [frame.module.partition(".")[0] for frame in frames]
    yield from (top for top in tops[:1] if top in _CLAUSES)


def _retry(kind: Kind) -> Retry:
    return Retry(worth=kind.retry, kind=kind.name, why=kind.why)
