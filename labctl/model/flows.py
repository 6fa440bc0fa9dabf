"""The lines of `wire:`: flows and their outcomes, as scenarios write them."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from labctl.errors import shorten

if TYPE_CHECKING:  # who reads scenarios needs no results, and those take their time to import
    from labctl.model.result import Flow

OUTCOMES = {
    "tcp": ("refused", "unanswered", "unreachable", "reset", "closed", "open"),
    "udp": ("answered", "unanswered", "unreachable"),
    "dns": ("answered", "nxdomain", "servfail", "nodata", "unanswered"),
    "arp": ("unanswered",),
}
"""Every outcome that a flow of a protocol can have."""

GATEWAY = "gateway.lab"
"""What a lab's gateway is called on the wire. Nothing answers there, and no DNS knows the name:
packets to the outside would go there.
"""

_FORMS = {
    "dns": re.compile(r"\S+ [A-Z]+"),
    "tcp": re.compile(r"\S+:\d+"),
    "udp": re.compile(r"\S+:\d+"),
    "arp": re.compile(r"\S+"),
}
_LAST_PORT = 65535
_EXAMPLES = {
    "dns": "dns closed.lab A answered",
    "tcp": "tcp closed.lab:2525 refused",
    "udp": "udp closed.lab:2525 unreachable",
    "arp": "arp gone.lab unanswered",
}


def check_wire(line: str) -> str:
    """Return the line if it is `tcp HOST:PORT OUTCOME`, `udp ...`, `dns NAME TYPE OUTCOME` or `arp
    HOST OUTCOME`. Raise ValueError if it is not, or if no packet can have such a port.
    """
    protocol, _, rest = line.partition(" ")
    if protocol not in OUTCOMES:
        raise ValueError(f"a flow starts with {', '.join(OUTCOMES)}, not {protocol!r}")
    subject, _, outcome = rest.rpartition(" ")
    if not _FORMS[protocol].fullmatch(subject):
        raise ValueError(f"a {protocol} flow looks like {_EXAMPLES[protocol]!r}, not {line!r}")
    if protocol in ("tcp", "udp"):
        _check_port(subject.rpartition(":")[2])
    if outcome not in OUTCOMES[protocol]:
        raise ValueError(
            f"a {protocol} flow ends with {', '.join(OUTCOMES[protocol])}, not {outcome!r}"
        )
    return line


def _check_port(digits: str) -> None:
    """Raise ValueError if a port does not fit into the 16 bits that a packet has for it."""
    number = digits.lstrip("0")
    if len(number) > len(str(_LAST_PORT)) or int(number or "0") > _LAST_PORT:
        raise ValueError(f"a port on the wire is at most {_LAST_PORT}, not {shorten(digits)}")


def line_host(line: str) -> str:
    """Return the host that a line of `wire:` is about; for a DNS question, the name that is asked
    for.
    """
    protocol, subject, *_ = line.split(" ")
    return subject.rpartition(":")[0].strip("[]") if protocol in ("tcp", "udp") else subject


def wire_line(flow: Flow) -> str:
    """Return a flow as `wire:` writes it; protocols that no scenario names look alike."""
    if flow.protocol == "dns":
        kind = flow.detail.dns.type if flow.detail and flow.detail.dns else "?"
        return f"dns {flow.host} {kind} {flow.outcome}"
    if flow.protocol not in ("tcp", "udp"):
        return f"{flow.protocol} {flow.host} {flow.outcome}"
    return f"{flow.protocol} {host_port(flow)} {flow.outcome}"


def host_port(flow: Flow) -> str:
    """Return the host and port of a flow: `closed.lab:2525`, `[::1]:2525`."""
    host = f"[{flow.host}]" if ":" in flow.host else flow.host
    return f"{host}:{flow.port}"


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address, and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
