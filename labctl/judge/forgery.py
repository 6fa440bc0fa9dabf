"""Where a claim contradicts itself, or what others saw. Pure.

An exception and its stack are the word of the process that the client runs in. What is looked at
here makes up claims costly; it doesn't make them impossible. Every rule is such that a client
which did what it says can't break it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.judge.diff import stack_names
from labctl.model.expectation import Expectation, ExpectedException
from labctl.model.result import Call, Difference, ExceptionInfo, Flow, Frame, Observation, Origin

_SYSTEM = {
    "BlockingIOError",
    "BrokenPipeError",
    "ConnectionAbortedError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "OSError",
    "OverflowError",
    "TimeoutError",
    "socket.gaierror",
    "socket.herror",
    "socket.timeout",
    "ssl.SSLCertVerificationError",
    "ssl.SSLEOFError",
    "ssl.SSLError",
    "ssl.SSLSyscallError",
    "ssl.SSLWantReadError",
    "ssl.SSLWantWriteError",
    "ssl.SSLZeroReturnError",
}
"""What the system, the resolver or OpenSSL report, by way of functions in C or of a library."""
_BOTTOM = ("socket:", "ssl:")
"""Below functions of these modules there is only C."""
_IN_ORDER = {
    "ftplib",
    "http",
    "imaplib",
    "nntplib",
    "poplib",
    "smtplib",
    "socket",
    "ssl",
    "telnetlib",
}
"""Modules whose functions call each other, and pass on what the called one raises."""
_KEPT = 32
"""As many frames as the probe keeps of a call."""
_CALLS = {
    "socket:create_connection": ("socket.connect", "tcp", "no connection was tried"),
    "socket:getaddrinfo": ("socket.getaddrinfo", "dns", "no name was looked up"),
}
"""Functions that end in one call of the system: its audit event, and what is on the wire then."""


def doubts(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield a difference for each reason why a client's claim can't be true.

    Calls are compared with the wire, so they are left out if packets were lost: what was lost may
    be just what would clear the client. The other rules need no packets.
    """
    yield from _tampering(observation)
    yield from _frames(observation.stack)
    if observation.exception is not None:
        yield from _origins(expectation, expectation, observation.exception)
        if observation.lost_packets == 0:
            yield from _calls(expectation, observation)


def uncertain(expectation: Expectation, observation: Observation) -> Iterator[str]:
    """Yield, as sentences, what can't be decided, because there was too much of it or nothing to
    compare with.
    """
    if any(frame.genuine is None for frame in observation.stack):
        yield "the library's files could not be read, so nobody can say that the stack is theirs"
    wanted = _wanted_call(expectation, observation)
    if wanted and _incomplete(observation, wanted[0]) and not _has_made(observation, wanted[0]):
        yield "the client made more calls than the probe keeps, so nobody can say which failed"


def _doubt(what: str, expected: str, actual: str, message: str) -> Difference:
    """Return a difference that says why a claim can't be true."""
    return Difference(what=what, expected=expected, actual=actual, message=message)


def _tampering(observation: Observation) -> Iterator[Difference]:
    """Yield a doubt for each thing that the client did to the probe."""
    for what in observation.tampered:
        message = f"the client {what}: a report made by the client is not believed"
        yield _doubt("tampered", "the probe left alone", what, message)


def _frames(stack: Sequence[Frame]) -> Iterator[Difference]:
    """Yield a doubt for each module that has frames in the stack which are not its own."""
    found: dict[str, Frame] = {}
    for frame in stack:
        if frame.genuine is False:
            found.setdefault(frame.module, frame)
    for module, frame in found.items():
        name = f"{module}:{frame.qualname}"
        message = f"in the stack, {name} claims to be a frame of {module}, but its code or its "
        message += "globals are not that module's"
        yield _doubt("stack", name, "a frame that the client made", message)


def _origins(
    whole: Expectation, expected: ExpectedException, observed: ExceptionInfo, path: str = ""
) -> Iterator[Difference]:
    """Yield a doubt for each exception that the client raised itself, although only the system or a
    library raises it.
    """
    origin = observed.origin
    if origin is not None and origin.client and expected.raises in (None, observed.type):
        how = _made_by_hand(whole, observed.type, origin)
        if how:
            message = f"{observed.type}{f' ({path})' if path else ''} {how}, so it says nothing "
            message += "about the network"
            yield _doubt("origin", "the system or a library", "the client's own code", message)
    for name in ("cause", "context"):
        wanted, found = getattr(expected, name), getattr(observed, name)
        if isinstance(wanted, ExpectedException) and found is not None:
            yield from _origins(whole, wanted, found, f"{path}.{name}".lstrip("."))


def _made_by_hand(whole: Expectation, type_: str, origin: Origin) -> str:
    """Return how the client's code made the exception, as a clause; empty if the client may really
    have met it.
    """
    at = f" (line {origin.line})" if origin.line else ""
    # An event loop in C throws what it has met into the client's coroutines.
    thrown = origin.how == "throw" and not origin.under
    if origin.how == "raise" or thrown:
        of_a_library = "." in type_ and bool(whole.stack)
        return (
            f"was raised by the client's own code{at}" if type_ in _SYSTEM or of_a_library else ""
        )
    if origin.under.startswith(_BOTTOM):
        return (
            f"came out of the client's own code{at}, which stood in for what {origin.under} calls"
        )
    return ""


def _calls(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield a doubt if the stack ends in a function that calls the system, but no such call was
    made from there.
    """
    wanted = _wanted_call(expectation, observation)
    if wanted is not None and not _incomplete(observation, wanted[0]):
        event, nothing = wanted
        if not _has_made(observation, event):
            name = _end(observation)
            message = f"the stack ends in {name}, but {nothing} from there"
            yield _doubt("calls", f"{event} from {name}", "none", message)
    yield from _elsewhere(expectation, observation)


def _end(observation: Observation) -> str:
    """Return the name of the innermost frame; empty if there is none."""
    return next(reversed(stack_names(observation)), "")


def _wanted_call(expectation: Expectation, observation: Observation) -> tuple[str, str] | None:
    """Return the audit event that the innermost frame implies, and the words for a message if it is
    missing. Return None if it implies none, or `wire` expects no such flow.
    """
    found = _CALLS.get(_end(observation))
    if found is None or observation.exception is None or expectation.wire is None:
        return None
    event, protocol, nothing = found
    return (event, nothing) if any(w.startswith(f"{protocol} ") for w in expectation.wire) else None


def _made(observation: Observation, event: str) -> list[Call]:
    """Return the client's calls with this audit event."""
    return [call for call in observation.calls if call.event == event]


def _has_made(observation: Observation, event: str) -> bool:
    """Tell whether the client made the call that the exception came out of."""
    return any(_is_it(call, observation) for call in _made(observation, event))


def _incomplete(observation: Observation, event: str) -> bool:
    """Tell whether calls with this event, or their stacks, are missing from the observation."""
    return observation.omitted_calls > 0 or any(
        call.stack is None for call in _made(observation, event)
    )


def _is_it(call: Call, observation: Observation) -> bool:
    """Tell whether the exception can have come out of a call.

    The call must be on the same line of the same functions; a connection must lead to where the
    wire shows one. A group of what several calls met is raised after them, on a line of its own.
    """
    same = _in_order(call.stack or ()) == _in_order(stack_names(observation))
    grouped = observation.exception is not None and bool(observation.exception.group)
    return (
        same
        and (grouped or call.line == observation.stack[-1].line)
        and (call.event != "socket.connect" or _on_the_wire(call, observation.flows))
    )


def _in_order(stack: Sequence[str]) -> tuple[str, ...]:
    """Return the innermost frames, as far as they are of modules that call each other in order."""
    kept: list[str] = []
    for name in reversed(stack):
        if name.partition(":")[0].partition(".")[0] not in _IN_ORDER:
            break
        kept.append(name)
    return tuple(reversed(kept[:_KEPT]))


def _on_the_wire(call: Call, flows: Sequence[Flow] | None) -> bool:
    """Tell whether a call's connection is on the wire, by its port.

    A host has many names (localhost, 0.0.0.0, ::ffff:127.0.0.1), and a connection to any other host
    would be a flow that nobody expected. A Unix socket has no port.
    """
    if flows is None:
        return True
    port = call.args[1] if len(call.args) > 1 else None
    return any(port == flow.port for flow in flows)


def _elsewhere(expectation: Expectation, observation: Observation) -> Iterator[Difference]:
    """Yield a doubt if a refusal came out of a connection that is not on the wire."""
    exception = observation.exception
    origin = exception and exception.origin
    if not exception or not origin or expectation.raises != "ConnectionRefusedError":
        return
    if not origin.client or not any(" refused" in line for line in expectation.wire or ()):
        return
    there = [call for call in _made(observation, "socket.connect") if call.line == origin.line]
    if there and not any(_on_the_wire(call, observation.flows) for call in there):
        target = ":".join(str(arg) for arg in there[-1].args)
        message = f"{exception.type} came out of a connection to {target}, which is not on the wire"
        yield _doubt("calls", "a connection that is on the wire", target, message)
