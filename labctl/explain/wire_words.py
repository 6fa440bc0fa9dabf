"""The lines of `wire:` and `served:` in words, short enough to be set side by side."""

from __future__ import annotations

from typing import Final

from labctl.model.expectation import Expectation
from labctl.model.served import parse_served

_WORDS: Final = {
    ("dns", "answered"): "{0} resolves",
    ("dns", "nxdomain"): "the name server says there is no {0}",
    ("dns", "servfail"): "the name server fails to look up {0}",
    ("dns", "nodata"): "{0} has no such record",
    ("dns", "unanswered"): "the name server says nothing of {0}",
    ("tcp", "refused"): "a RST answers the SYN to {0}",
    ("tcp", "unanswered"): "nothing answers the SYN to {0}",
    ("tcp", "unreachable"): "an ICMP error answers the SYN to {0}",
    ("tcp", "reset"): "a connection to {0} is opened, then reset",
    ("tcp", "closed"): "a connection to {0} is opened, then closed",
    ("tcp", "open"): "a connection to {0} is opened and stays open",
    ("udp", "answered"): "a datagram to {0} is answered",
    ("udp", "unanswered"): "a datagram to {0} is not answered",
    ("udp", "unreachable"): "an ICMP error answers a datagram to {0}",
    ("arp", "unanswered"): "no machine answers for the address of {0}",
}


def on_the_wire(variant: Expectation) -> tuple[str, ...]:
    """Return a sentence for each flow that a variant expects. Names that resolve are left out,
    unless nothing else happens.
    """
    if variant.wire is None:
        return ("the scenario does not say",)
    if variant.wire == "nothing":
        return ("no packet at all",)
    flows = [line for line in variant.wire if not _is_plain_lookup(line)] or variant.wire
    return tuple(dict.fromkeys(map(_sentence, flows))) or ("the scenario does not say",)


def seen_by_servers(variant: Expectation) -> tuple[str, ...]:
    """Return a line for each server that saw something: `mail: connect, ehlo`."""
    if variant.served is None:
        return ("the scenario does not say",)
    events: dict[str, list[str]] = {}
    for line in map(parse_served, variant.served):
        detail = "".join(f" {key}={value}" for key, value in line.detail.items())
        events.setdefault(line.service, []).append(f"{line.event}{detail}")
    return tuple(f"{name}: {', '.join(said)}" for name, said in events.items()) or ("nothing",)


def _is_plain_lookup(line: str) -> bool:
    """Tell whether a line of `wire` is a look-up that was answered."""
    return line.startswith("dns ") and line.endswith(" answered")


def _sentence(line: str) -> str:
    """Return a line of `wire` as a clause in plain words."""
    protocol, _, rest = line.partition(" ")
    subject, _, outcome = rest.rpartition(" ")
    name = subject.partition(" ")[0]
    return _WORDS[protocol, outcome].format(name)
