"""Why the exception is what it is, in one sentence: from the flows and the exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labctl.model.packet import Wire
from labctl.model.result import Call, ExceptionInfo, Flow, Observation, Outcome
from labctl.wire import because
from labctl.wire.text import one_column_each

_PORTS = 1 << 16
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
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
"""By what an exception, or one behind it, is called or has for an errno; the first that fits."""


@dataclass(frozen=True)
class _Case:
    """What there is to explain."""

    exception: ExceptionInfo
    flows: tuple[Flow, ...]
    calls: tuple[Call, ...]

    def named(self) -> frozenset[str]:
        """Bare names of the types of the exception and of all behind it, and their errnos."""
        return frozenset(name for one in _family(self.exception) for name in _names(one))


def explain(wire: Wire, observation: Observation) -> str:
    """One sentence, never more than a few hundred characters, printable."""
    flows = tuple(f for f in wire.flows if not (f.detail and f.detail.incoming))
    exception = observation.exception
    if observation.outcome is Outcome.RAISED and exception:
        text = _raised(_Case(exception, flows, observation.calls))
    elif observation.outcome is Outcome.RETURNED:
        text = f"Nothing was raised: {because.seen(flows)}."
    else:
        text = f"The client left no exception to explain; {because.seen(flows)}."
    return one_column_each(text)


def _raised(case: _Case) -> str:
    if cut := _cut_port(case):
        return cut
    if not case.flows and "OverflowError" in case.named():
        return because.out_of_range(_wide_ports(case.calls))
    named = case.named()
    for kind, names in _KINDS:
        if named & names:
            return _EXPLAINERS[kind](case)
    return f"{case.exception.type} was raised; {because.seen(case.flows)}."


def _family(exception: ExceptionInfo) -> Iterator[ExceptionInfo]:
    yield exception
    for other in (exception.cause, exception.context, *(exception.group or ())):
        if other:
            yield from _family(other)


def _names(exception: ExceptionInfo) -> Iterator[str]:
    for name in (exception.type, *exception.bases):
        yield name.rpartition(".")[2]
    yield from exception.symbols.values()


def _wide_ports(calls: tuple[Call, ...]) -> list[int]:
    """Port numbers of calls that 16 bits can't hold."""
    numbers = (arg for call in calls for arg in call.args[1:2])
    return [n for n in numbers if isinstance(n, int) and n >= _PORTS]


def _cut_port(case: _Case) -> str:
    for port in _wide_ports(case.calls):
        for flow in _of(case.flows, "tcp"):
            if flow.port == port % _PORTS:
                return because.cut(port, flow)
    return ""


def _of(flows: tuple[Flow, ...], protocol: str, *outcomes: str) -> list[Flow]:
    """Flows of a protocol and one of some outcomes, the latest first: it is what counts."""
    fitting = (f for f in reversed(flows) if f.protocol == protocol)
    return [f for f in fitting if not outcomes or f.outcome in outcomes]


def _via(case: _Case, raised: str) -> str:
    """How the error came to the client: by the kernel's own name, or through a library."""
    name = case.exception.type
    plain = "." not in name.removeprefix("socket.") and "OSError" in (name, *case.exception.bases)
    return raised if plain else f"{raised}, which reached the client as {name}"


def _refused(case: _Case) -> str:
    for flow in _of(case.flows, "tcp", "refused", "unreachable"):
        return because.refused(flow, _via(case, "the kernel raised ECONNREFUSED"))
    for flow in _of(case.flows, "udp", "unreachable"):
        return because.refused(flow, _via(case, "the kernel raised ECONNREFUSED"))
    return _doubt(case, "nothing on the wire turned a connection away: no RST answered a SYN")


def _resolve(case: _Case) -> str:
    symbol = next((name for name in sorted(case.named()) if name.startswith("EAI_")), "gaierror")
    for flow in _of(case.flows, "dns", "nxdomain", "servfail", "nodata", "unanswered"):
        return because.unresolved(flow, _via(case, f"the look-up failed with {symbol}"))
    if _of(case.flows, "dns"):
        return _doubt(case, "every DNS question on the wire was answered")
    return (
        f"No DNS question was on the wire: the C library turned the name or the port down by "
        f"itself, and {_via(case, f'the look-up failed with {symbol}')}."
    )


def _unreachable(case: _Case) -> str:
    for flow in _of(case.flows, "tcp", "unreachable") + _of(case.flows, "udp", "unreachable"):
        return because.unreachable(flow, _via(case, "the kernel raised EHOSTUNREACH"))
    for flow in _of(case.flows, "arp", "unanswered"):
        return because.unreachable(flow, _via(case, "the kernel raised EHOSTUNREACH"))
    if case.flows:
        return _doubt(case, "no ICMP error was on the wire")
    return "No packet left: the kernel has no route to that address, and said so itself."


def _timeout(case: _Case) -> str:
    by_kernel = "ETIMEDOUT" in case.named()
    end = "the kernel gave up (ETIMEDOUT)" if by_kernel else "its own timeout was up"
    for flow in _of(case.flows, "tcp") or _of(case.flows, "udp"):
        if flow.outcome in ("unanswered", "open", "closed", "reset"):
            return because.timed_out(flow, end)
    for flow in _of(case.flows, "dns", "unanswered"):
        return because.timed_out(flow, end)
    return _doubt(case, "nothing on the wire was waiting for an answer")


def _reset(case: _Case) -> str:
    for flow in _of(case.flows, "tcp", "reset"):
        if flow.detail and flow.detail.reset_by == "server":
            return because.broken_off(flow, _via(case, "the kernel raised ECONNRESET"))
    for flow in _of(case.flows, "tcp", "closed"):
        if flow.detail and flow.detail.closed_first == "server":
            return because.hung_up(flow)
    return _doubt(case, "no server on the wire broke a connection off")


def _eof(case: _Case) -> str:
    for flow in _of(case.flows, "tcp", "closed", "reset"):
        if flow.detail and flow.detail.closed_first == "server":
            return because.hung_up(flow)
        if flow.detail and flow.detail.reset_by == "server":
            return because.broken_off(flow, _via(case, "the kernel raised ECONNRESET"))
    return _doubt(case, "no server on the wire ended a connection")


def _tls(case: _Case) -> str:
    for flow in _of(case.flows, "tcp"):
        if flow.detail and flow.detail.tls:
            return because.handshake_failed(flow, flow.detail.tls)
    return _doubt(case, "no TLS handshake was on the wire")


def _doubt(case: _Case, seen: str) -> str:
    """An exception is a claim; this says that the wire doesn't bear it out."""
    return f"{case.exception.type} was raised, but {seen}; {because.seen(case.flows)}."


_EXPLAINERS: dict[str, Callable[[_Case], str]] = {
    "refused": _refused,
    "resolve": _resolve,
    "unreachable": _unreachable,
    "timeout": _timeout,
    "reset": _reset,
    "eof": _eof,
    "tls": _tls,
}
