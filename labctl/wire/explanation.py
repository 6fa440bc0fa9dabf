"""The explanation of an outcome: one sentence, made of the flows and the exception.

This module chooses the sentence; `sentences` has their texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labctl.model.packet import Wire
from labctl.model.result import Call, ExceptionInfo, Flow, Observation, Outcome
from labctl.text import clip, escape_to_single_width
from labctl.wire import sentences

_PORTS = 1 << 16
_LIMIT = 600
"""The most characters of a sentence: a report may name types and hosts of any length."""
_CAUSES: tuple[tuple[str, frozenset[str]], ...] = (
    ("resolve", frozenset({"gaierror", "herror"})),
    ("refused", frozenset({"ConnectionRefusedError", "ECONNREFUSED"})),
    ("unreachable", frozenset({"EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN"})),
    ("timeout", frozenset({"TimeoutError", "timeout", "ETIMEDOUT"})),
    ("reset", frozenset({"ConnectionResetError", "ECONNRESET", "BrokenPipeError", "EPIPE"})),
    (
        "eof",
        frozenset(
            {
                "EOFError",
                "IncompleteRead",
                "RemoteDisconnected",
                "SMTPServerDisconnected",
                "SSLEOFError",
            }
        ),
    ),
    ("tls", frozenset({"SSLError"})),
)
"""The cause, by the type or the errno of an exception or of one behind it; the first that fits."""


@dataclass(frozen=True)
class _Case:
    """The exception to explain, and what is known beside it."""

    exception: ExceptionInfo
    flows: tuple[Flow, ...]
    calls: tuple[Call, ...]

    def names(self) -> frozenset[str]:
        """Return the types, without their modules, and the errnos of all exceptions in it."""
        return frozenset(
            name for exception in _with_linked(self.exception) for name in _names(exception)
        )


def explain(wire: Wire, observation: Observation) -> str:
    """Return one sentence that says why the client ended as it did.

    It is printable and has at most a few hundred characters. If the flows don't explain the
    exception, the sentence says so.
    """
    flows = tuple(f for f in wire.flows if not (f.detail and f.detail.incoming))
    exception = observation.exception
    if observation.outcome is Outcome.RAISED and exception:
        text = _raised(_Case(exception, flows, observation.calls))
    elif observation.outcome is Outcome.RETURNED:
        text = f"Nothing was raised: {sentences.last_flow(flows)}."
    else:
        text = f"The client left no exception to explain; {sentences.last_flow(flows)}."
    return clip(escape_to_single_width(text), _LIMIT)


def _raised(case: _Case) -> str:
    """Return a sentence that says why the client raised its exception."""
    if sentence := _truncated_port(case):
        return sentence
    if not case.flows and "OverflowError" in case.names():
        return sentences.port_out_of_range(_wide_ports(case.calls))
    names = case.names()
    for cause, known in _CAUSES:
        if names & known:
            return _EXPLAINERS[cause](case)
    return f"{case.exception.type} was raised; {sentences.last_flow(case.flows)}."


def _with_linked(exception: ExceptionInfo) -> Iterator[ExceptionInfo]:
    """Yield the exception, and all in its causes, contexts and groups."""
    yield exception
    for linked in (exception.cause, exception.context, *(exception.group or ())):
        if linked:
            yield from _with_linked(linked)


def _names(exception: ExceptionInfo) -> Iterator[str]:
    """Yield the short names of an exception's type and bases, and its symbols."""
    for name in (exception.type, *exception.bases):
        yield name.rpartition(".")[2]
    yield from exception.symbols.values()


def _wide_ports(calls: tuple[Call, ...]) -> list[int]:
    """Return the ports of calls that are too long for 16 bits."""
    numbers = (arg for call in calls for arg in call.args[1:2])
    return [n for n in numbers if isinstance(n, int) and n >= _PORTS]


def _truncated_port(case: _Case) -> str:
    """Return the sentence about a port that was too long, or nothing if no flow went there."""
    for port in _wide_ports(case.calls):
        for flow in _latest(case.flows, "tcp"):
            if flow.port == port % _PORTS:
                return sentences.truncated_port(port, flow)
    return ""


def _latest(flows: tuple[Flow, ...], protocol: str, *outcomes: str) -> list[Flow]:
    """Return the flows of a protocol, the latest first.

    With `outcomes`, only those with one of them. The latest comes first since most clients raise
    for what happened last.
    """
    fitting = (f for f in reversed(flows) if f.protocol == protocol)
    return [f for f in fitting if not outcomes or f.outcome in outcomes]


def _with_type(case: _Case, consequence: str) -> str:
    """Return the consequence, and of a library's own exception also the type that it became."""
    name = case.exception.type
    is_builtin = "." not in name.removeprefix("socket.")
    is_plain = is_builtin and "OSError" in (name, *case.exception.bases)
    return consequence if is_plain else f"{consequence}, which reached the client as {name}"


def _refused(case: _Case) -> str:
    """Return the sentence for a refused connection."""
    for flow in _latest(case.flows, "tcp", "refused", "unreachable"):
        return sentences.refused(flow, _with_type(case, "the kernel raised ECONNREFUSED"))
    for flow in _latest(case.flows, "udp", "unreachable"):
        return sentences.refused(flow, _with_type(case, "the kernel raised ECONNREFUSED"))
    return _contradiction(
        case, "nothing on the wire turned a connection away: no RST answered a SYN"
    )


def _resolve(case: _Case) -> str:
    """Return the sentence for a look-up that failed."""
    symbol = next((name for name in sorted(case.names()) if name.startswith("EAI_")), "gaierror")
    for flow in _latest(case.flows, "dns", "nxdomain", "servfail", "nodata", "unanswered"):
        return sentences.unresolved(flow, _with_type(case, f"the look-up failed with {symbol}"))
    if _latest(case.flows, "dns"):
        return _contradiction(case, "every DNS question on the wire was answered")
    return (
        f"No DNS question was on the wire: the C library turned the name or the port down by "
        f"itself, and {_with_type(case, f'the look-up failed with {symbol}')}."
    )


def _unreachable(case: _Case) -> str:
    """Return the sentence for a host that can't be reached."""
    flows = (
        *_latest(case.flows, "tcp", "unreachable"),
        *_latest(case.flows, "udp", "unreachable"),
        *_latest(case.flows, "arp", "unanswered"),
    )
    for flow in flows:
        return sentences.unreachable(flow, _with_type(case, "the kernel raised EHOSTUNREACH"))
    if case.flows:
        return _contradiction(case, "no ICMP error was on the wire")
    return "No packet left: the kernel has no route to that address, and said so itself."


def _timeout(case: _Case) -> str:
    """Return the sentence for a timeout."""
    by_kernel = "ETIMEDOUT" in case.names()
    end = "the kernel gave up (ETIMEDOUT)" if by_kernel else "its own timeout was up"
    for flow in _latest(case.flows, "tcp") or _latest(case.flows, "udp"):
        if flow.outcome in ("unanswered", "open", "closed", "reset"):
            return sentences.timed_out(flow, end)
    for flow in _latest(case.flows, "dns", "unanswered"):
        return sentences.timed_out(flow, end)
    return _contradiction(case, "nothing on the wire was waiting for an answer")


def _reset(case: _Case) -> str:
    """Return the sentence for a connection that was broken off."""
    for flow in _latest(case.flows, "tcp", "reset"):
        if flow.detail and flow.detail.reset_by == "server":
            return sentences.reset_by_server(flow, _with_type(case, "the kernel raised ECONNRESET"))
    for flow in _latest(case.flows, "tcp", "closed"):
        if flow.detail and flow.detail.closed_first == "server":
            return sentences.closed_by_server(flow)
    return _contradiction(case, "no server on the wire broke a connection off")


def _eof(case: _Case) -> str:
    """Return the sentence for a connection that the server ended."""
    for flow in _latest(case.flows, "tcp", "closed", "reset"):
        if flow.detail and flow.detail.closed_first == "server":
            return sentences.closed_by_server(flow)
        if flow.detail and flow.detail.reset_by == "server":
            return sentences.reset_by_server(flow, _with_type(case, "the kernel raised ECONNRESET"))
    return _contradiction(case, "no server on the wire ended a connection")


def _tls(case: _Case) -> str:
    """Return the sentence for a failed TLS handshake."""
    for flow in _latest(case.flows, "tcp"):
        if flow.detail and flow.detail.tls:
            return sentences.handshake_failed(flow, flow.detail.tls)
    return _contradiction(case, "no TLS handshake was on the wire")


def _contradiction(case: _Case, evidence: str) -> str:
    """Return that the flows contradict the exception, which is only what the client claims."""
    return f"{case.exception.type} was raised, but {evidence}; {sentences.last_flow(case.flows)}."


_EXPLAINERS: dict[str, Callable[[_Case], str]] = {
    "refused": _refused,
    "resolve": _resolve,
    "unreachable": _unreachable,
    "timeout": _timeout,
    "reset": _reset,
    "eof": _eof,
    "tls": _tls,
}
