"""Names of ICMP messages (RFC 792, 1122, 1812 and 4443), and which of them end a flow."""

from __future__ import annotations

from labctl.model.flow_detail import IcmpError
from labctl.model.packet import Icmp

_UNREACHABLE4 = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    9: "network prohibited",
    10: "host prohibited",
    13: "administratively prohibited",
}
_UNREACHABLE6 = {
    0: "no route",
    1: "administratively prohibited",
    2: "beyond the scope of the source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed a policy",
    6: "route rejected",
}
_OTHERS4 = {
    0: "ping answered",
    8: "ping",
    4: "source quench",
    5: "redirect",
    11: "time exceeded",
    12: "parameter problem",
}
_OTHERS6 = {
    128: "ping",
    129: "ping answered",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
}
_SOFT = {(4, 3, 4), (6, 2, 0)}
"""Path MTU discovery (RFC 1191, 8201): the sender sends smaller packets, and goes on."""
_PORT_UNREACHABLE = {(4, 3, 3), (6, 1, 4)}


def flow_error(icmp: Icmp, sender: str) -> IcmpError | None:
    """Return the message as an error that ends the flow it quotes, or None if it ends none.

    `sender` is the address of the host that sent it.
    """
    if icmp.quoted is None or (icmp.version, icmp.type, icmp.code) in _SOFT:
        return None
    if icmp.version == 4 and icmp.type in (4, 5):  # noqa: PLR2004 source quench, redirect
        return None
    return IcmpError(
        version=icmp.version,
        type=icmp.type,
        code=icmp.code,
        meaning=meaning(icmp),
        sender=sender,
    )


def meaning(icmp: Icmp) -> str:
    """Return what the message says: `host unreachable`, `ping`; its numbers if it has no name."""
    unreachable, others = (
        (_UNREACHABLE4, _OTHERS4) if icmp.version == 4 else (_UNREACHABLE6, _OTHERS6)  # noqa: PLR2004
    )
    if icmp.type == (3 if icmp.version == 4 else 1):  # noqa: PLR2004
        return unreachable.get(icmp.code, f"unreachable, code {icmp.code}")
    return others.get(icmp.type, f"type {icmp.type}, code {icmp.code}")


def is_port_unreachable(error: IcmpError) -> bool:
    """Return whether it says that nobody listens, for which Linux raises ECONNREFUSED."""
    return (error.version, error.type, error.code) in _PORT_UNREACHABLE
