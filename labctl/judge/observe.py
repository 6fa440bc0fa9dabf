"""What a probe's report says -> an observation.

A report comes out of a container in which anyone's code ran: it is a claim, and may be anything.
"""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from labctl.judge.layers import layer_of
from labctl.model.evidence import Capture, Evidence
from labctl.model.messages import REPORT_LIMIT
from labctl.model.packet import Wire
from labctl.model.result import Frame, Observation, Outcome, Unhandled
from labctl.wire.listing import list_packets

_DEPTH_LIMIT = 100
_FRAMES_LIMIT = 256
_FROM_OTHERS = {"flows", "packets", "lost_packets", "lost_events", "served"}
_FROM_THE_CLIENT = frozenset(Observation.model_fields) - _FROM_OTHERS
_SIGNAL_BASE = 128
_LATEST_NS = 1 << 63
_LONGEST_S = 1e6
_SOCKETS_LIMIT = 16
_SOCKET_LIMIT = 100
"""Characters of the longest that the probe tells of a socket, and more: of IPv6, some 60."""


def observe(evidence: Evidence, wire: Wire | None = None) -> Observation:
    """Return the observation that report, exit status, packets and service events make together.
    Never raise because of the report.

    `wire` is what the evidence's capture shows. How long the container ran bounds what the report
    claims. What the report says of flows and server events is dropped: those come from elsewhere.
    """
    claim = _parse(evidence.report)
    seen = claim or _without_report(evidence)
    ran_out = evidence.exit is None
    if ran_out:
        seen = seen.model_copy(update={"outcome": Outcome.TIMED_OUT})
    elif evidence.out_of_memory and seen.outcome not in (Outcome.RAISED, Outcome.RETURNED):
        seen = seen.model_copy(update={"outcome": Outcome.OUT_OF_MEMORY})
    plausible = claim and not ran_out and 0 <= claim.elapsed_s <= evidence.elapsed_s
    elapsed_s = seen.elapsed_s if plausible else evidence.elapsed_s
    return seen.model_copy(
        update={
            "elapsed_s": elapsed_s,
            "starved_s": _starved_s(seen, evidence),
            "served": evidence.served,
            "lost_events": evidence.served_lost,
            **(_on_the_wire(wire, evidence.capture, seen) if wire and evidence.capture else {}),
        }
    )


def _starved_s(seen: Observation, evidence: Evidence) -> float:
    """Return how long client and services waited for a processor that others had. The client makes
    the services work: what waits while one of them runs, waits for the client.
    """
    services = evidence.services
    client_s = max(0.0, seen.starved_s - services.cpu_s)
    services_s = max(0.0, services.waited_s - services.cpu_s - seen.cpu_s)
    return min(client_s + services_s, evidence.elapsed_s)


def _on_the_wire(wire: Wire, capture: Capture, seen: Observation) -> dict[str, Any]:
    """Return the fields of an observation that come from the capture."""
    return {
        "flows": wire.flows,
        "packets": list_packets(wire, start_ns=start_of(wire, seen)),
        "lost_packets": capture.lost,
    }


def start_of(wire: Wire, observation: Observation) -> int:
    """Return when the client began, on the clock of the packets: the time that the probe says, or
    else that of the first packet.
    """
    first = wire.packets[0].at_ns if wire.packets else 0
    return observation.started_ns or first


def _without_report(evidence: Evidence) -> Observation:
    """Return the observation of a client that left no report, by its container's exit status. A
    status above 128 names a signal, as in a shell.
    """
    name = _signal_name(evidence.exit)
    silent = Outcome.KILLED if name else Outcome.EXITED
    return Observation(
        outcome=Outcome.GARBLED if evidence.report.strip() else silent,
        exit=None if name else evidence.exit,
        signal=name,
    )


def _signal_name(exit_status: int | None) -> str | None:
    """Return the name of the signal that an exit status stands for, or None."""
    number = (exit_status or 0) - _SIGNAL_BASE
    return signal.Signals(number).name if number in set(signal.Signals) else None


def _parse(report: bytes) -> Observation | None:
    """Parse the probe's report, and return what it claims. Return None if it is not a proper
    report.

    A report is one line. One that fills all the room there is may be cut off, and a second line
    with it.
    """
    if len(report) >= REPORT_LIMIT or report.find(b"\n") not in (-1, len(report) - 1):
        return None
    try:
        claim = _clean(_load(report))
        observation = Observation.model_validate(_claimed(claim))
    except (ValueError, RecursionError, ValidationError):
        return None
    return _with_layers(observation) if _consistent(observation) else None


def _load(report: bytes) -> Any:
    """Parse JSON from anyone's program. Raise ValueError for anything outside the standard."""
    text = report.decode("utf-8", "backslashreplace")
    return json.loads(text, parse_constant=_no_constant, parse_float=_finite)


def _no_constant(name: str) -> float:
    """Raise ValueError for NaN and Infinity, which are not JSON."""
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """Parse a number. Raise ValueError if it is too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _clean(value: Any, depth: int = 0) -> Any:
    """Return a JSON value with lone surrogates escaped, because UTF-8 can't hold them. Raise
    ValueError if it is nested too deeply.
    """
    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item, depth + 1) for key, item in value.items()}
    return value


def _claimed(claim: Any) -> dict[str, Any]:
    """Return the fields of a report that a client may claim. Raise ValueError if it is not the
    probe's.
    """
    if not isinstance(claim, dict) or claim.get("probe") != 1:
        raise ValueError("not a report of the probe")
    return {key: value for key, value in claim.items() if key in _FROM_THE_CLIENT}


def _consistent(observation: Observation) -> bool:
    """Tell whether the parts of a report fit each other, and are within the probe's limits."""
    few = all(len(stack) <= _FRAMES_LIMIT for stack in _stacks(observation))
    few = few and _few_sockets(observation.sockets or ())
    if not _times_possible(observation):
        return False
    if observation.outcome in (Outcome.RAISED, Outcome.RETURNED):
        raised = observation.outcome is Outcome.RAISED
        return few and raised == (observation.exception is not None)
    return few


def _few_sockets(sockets: tuple[str, ...]) -> bool:
    """Tell whether the open sockets are as few and as short as the probe reports them."""
    short = all(len(socket) <= _SOCKET_LIMIT for socket in sockets)
    return short and len(sockets) <= _SOCKETS_LIMIT


def _times_possible(observation: Observation) -> bool:
    """Tell whether the times of a report are in a possible range. A forger may send any number."""
    seconds = (observation.starved_s, observation.cpu_s, *(call.at_s for call in observation.calls))
    is_start_possible = 0 <= (observation.started_ns or 0) < _LATEST_NS
    return is_start_possible and all(0 <= one < _LONGEST_S for one in seconds)


def _stacks(observation: Observation) -> Iterator[tuple[Frame, ...]]:
    """Yield all stacks of an observation."""
    yield observation.stack
    for unhandled in observation.unhandled:
        yield unhandled.stack


def _with_layers(observation: Observation) -> Observation:
    """Return the observation with the layer of each frame filled in."""
    unhandled: tuple[Unhandled, ...] = tuple(
        one.model_copy(update={"stack": _layered(one.stack)}) for one in observation.unhandled
    )
    return observation.model_copy(
        update={"stack": _layered(observation.stack), "unhandled": unhandled}
    )


def _layered(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Return the frames with their layers filled in."""
    return tuple(
        frame.model_copy(update={"layer": layer_of(frame.module, frame.qualname)})
        for frame in stack
    )
