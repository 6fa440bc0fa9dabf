"""Where in a conversation an exception came up, and in which protocol's.

A traceback tells it by the functions it came through, a scenario by its layer and by what it
expects on the wire. It tells apart what ends in the same exception: a connection that was never
made from one that went silent.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import cache
from typing import Final

from labctl.explain.raised import Raised
from labctl.model.expectation import Expectation
from labctl.model.layers import Layer
from labctl.model.libraries import libraries
from labctl.model.scenario import Scenario


class Phase(Enum):
    """How far a client had come."""

    LOOKUP = auto()
    CONNECT = auto()
    EXCHANGE = auto()


_PHASES: Final = {
    Phase.LOOKUP: {
        "_ensure_resolved",
        "_getaddrinfo",
        "_resolve_host",
        "getaddrinfo",
        "getfqdn",
        "resolve",
    },
    Phase.CONNECT: {
        "_connect_sock",
        "_create_connection",
        "_create_connection_transport",
        "_sock_connect",
        "_sock_connect_cb",
        "connect_tcp",
        "create_connection",
        "sock_connect",
        "start_connection",
    },
    Phase.EXCHANGE: {
        "_readline_from_socket",
        "_wait_for_data",
        "do_handshake",
        "drain",
        "get_reply",
        "getreply",
        "getresponse",
        "read",
        "readexactly",
        "readinto",
        "readline",
        "readuntil",
        "recv",
        "recv_into",
        "sock_recv",
        "sock_sendall",
    },
}
_BY_FUNCTION: Final = {name: phase for phase, names in _PHASES.items() for name in names}
_BEFORE_IT_IS_MADE: Final = {"refused", "unanswered", "unreachable"}
"""How a flow ends that was never a connection."""

_OTHER_PHASE, _OTHER_PROTOCOL = 0.85, 0.9
"""What is left of a likeness where phase or protocol are others."""
_WORDS = 0.1
"""What the words of a name count."""
_SMALL: Final = {"in", "is", "no", "not", "of", "on", "to", "too"}


def setting(raised: Raised, scenario: Scenario, variant: Expectation) -> float:
    """Return how well the phase, the protocol and the words of a scenario fit, 0 to 1."""
    seen, expected = _phase_of(raised), _phase_expected(variant)
    layer = scenario.layer
    found = 1.0
    if seen is not None and expected is not None and seen is not expected:
        found *= _OTHER_PHASE
    if layer in _protocols().values() and layer not in _protocols_of(raised):
        found *= _OTHER_PROTOCOL
    return found * (1 - _WORDS) + _WORDS * _words(raised, scenario.name)


def _words(raised: Raised, name: str) -> float:
    """Return the share of the words of a scenario's name that are in the messages, but not in the
    exceptions' own names.
    """
    everything = list(raised.everything())
    said = " ".join(one.message or "" for one in everything).casefold()
    types = " ".join(one.type for one in everything).casefold()
    wanted = [word for word in name.split("-") if word not in _SMALL and word not in types]
    return sum(word in said for word in wanted) / max(len(wanted), 1)


def _phase_of(raised: Raised) -> Phase | None:
    """Return the phase of a connection that the exception is from, by the innermost function that
    tells. Return None if none tells.
    """
    for one in reversed(list(raised.everything())):
        for frame in reversed(one.frames or ()):
            if frame.function in _BY_FUNCTION:
                return _BY_FUNCTION[frame.function]
    return None


def _phase_expected(variant: Expectation) -> Phase | None:
    """Return the phase in which the expected flows end. Return None if no flow is expected, or if
    they differ.
    """
    if variant.wire is None or variant.wire == "nothing":
        return None
    flows = [line.split() for line in variant.wire]
    ends = {words[2] for words in flows if words[0] != "dns"}
    if not ends:
        return Phase.LOOKUP
    if ends & _BEFORE_IT_IS_MADE:
        return Phase.CONNECT if ends <= _BEFORE_IT_IS_MADE else None
    return Phase.EXCHANGE


def _protocols_of(raised: Raised) -> set[Layer]:
    """Return the protocols of the modules that an exception is from, or came through."""
    modules = {one.type for one in raised.everything()}
    modules |= {frame.module for one in raised.everything() for frame in one.frames or ()}
    known = _protocols()
    return {known[first] for name in modules if (first := name.split(".")[0]) in known}


@cache
def _protocols() -> dict[str, Layer]:
    """Return the protocols of client libraries that speak only one, by top-level module."""
    return {one.module: one.protocol for one in libraries().values() if one.protocol}
