"""The sentences of explanations: what a flow shows, and what follows from it for the client.

In all of them `consequence` is the end of the sentence: `the kernel raised ECONNREFUSED`.
"""

from __future__ import annotations

from collections.abc import Sequence

from labctl.model.flow_detail import FlowDetail, TlsDetail
from labctl.model.flows import host_port
from labctl.model.result import Flow
from labctl.text import clip, format_size
from labctl.wire.icmp import is_port_unreachable

_OUTCOME_CLAUSES = {
    "tcp": {
        "refused": "a RST answered the SYN to {}",
        "unanswered": "no SYN to {} was answered",
        "unreachable": "an ICMP error answered the SYN to {}",
        "reset": "the connection to {} was broken off with a RST",
        "closed": "the connection to {} was opened and closed",
        "open": "the connection to {} was opened, and nobody closed it",
    },
    "udp": {
        "answered": "{} answered over UDP",
        "unanswered": "no datagram to {} was answered",
        "unreachable": "an ICMP error answered the datagram to {}",
    },
    "dns": {
        "answered": "the name server answered for {}",
        "nxdomain": "the name server said that there is no {}",
        "servfail": "the name server couldn't tell about {}",
        "nodata": "the name server has no such record of {}",
        "unanswered": "no question for {} was answered",
    },
}
_NAME_LIMIT = 60
"""The most characters of a host's name in a sentence."""


def last_flow(flows: Sequence[Flow]) -> str:
    """Return what the last flow shows, as a clause: `on the wire, a RST answered ...`."""
    if not flows:
        return "no packet of the client was on the wire"
    last = flows[-1]
    form = _OUTCOME_CLAUSES.get(last.protocol, {}).get(
        last.outcome, f"{last.protocol} {last.outcome}: {{}}"
    )
    return "on the wire, " + form.format(_target(last))


def _target(flow: Flow) -> str:
    """Return a flow's target as `closed.lab:2525`, or, for DNS, the name that was asked for."""
    name = host_port(flow) if flow.protocol in ("tcp", "udp") else flow.host
    return clip(name, _NAME_LIMIT)


def _host(flow: Flow) -> str:
    """Return a flow's host, cut to fit in a sentence."""
    return clip(flow.host, _NAME_LIMIT)


def _number(number: int) -> str:
    """Return a number that a client gave, cut to fit in a sentence."""
    return clip(str(number), _NAME_LIMIT)


def _detail(flow: Flow) -> FlowDetail:
    """Return a flow's details; empty ones if it has none."""
    return flow.detail or FlowDetail()


def truncated_port(port: int, flow: Flow) -> str:
    """Return why a port of more than 16 bits became that of `flow`."""
    end = {
        "refused": "where nobody listens: a RST came back, and the kernel raised ECONNREFUSED",
        "unanswered": "which nobody answered",
    }.get(flow.outcome, f"where it was {flow.outcome}")
    return (
        f"{_number(port)} doesn't fit into 16 bits: the C library cut it to {flow.port} "
        f"({_number(port)} - {_number(port - flow.port)}), so a SYN went to port {flow.port}, "
        f"{end}."
    )


def port_out_of_range(ports: Sequence[int]) -> str:
    """Return why Python raised OverflowError; `ports` are those out of range, if known."""
    what = f"the port {_number(ports[-1])}" if ports else "a number that is out of range"
    return f"Python itself refused {what} before it asked the kernel for anything: no packet left."


def refused(flow: Flow, consequence: str) -> str:
    """Return why a connection was refused: a RST, or an ICMP error that counts the same."""
    icmp = _detail(flow).icmp
    if flow.outcome == "refused":
        return (
            f"A RST answered the SYN: {_host(flow)} is up, but nobody listens on port "
            f"{flow.port}, so {consequence}."
        )
    if icmp and is_port_unreachable(icmp):
        return (
            f"An ICMP {icmp.meaning} came back from {icmp.sender} for {_target(flow)}: Linux makes "
            f"the same error of it as of a RST, so {consequence}."
        )
    return unreachable(flow, consequence)


def unreachable(flow: Flow, consequence: str) -> str:
    """Return why a host was unreachable: nobody has its address, or an ICMP error came.

    If no neighbour answers, the client's own kernel makes the ICMP error.
    """
    detail = _detail(flow)
    if flow.protocol == "arp" or (detail.icmp and detail.icmp.sender == detail.source):
        return (
            f"Nobody answered when the client's kernel asked who has {flow.address}: no such host "
            f"is on this network, so {consequence}."
        )
    what = f"ICMP {detail.icmp.meaning}" if detail.icmp else "ICMP error"
    sender = detail.icmp.sender if detail.icmp else "a host"
    return f"{what} came back from {sender} for {_target(flow)}, so {consequence}."


def unresolved(flow: Flow, consequence: str) -> str:
    """Return why a name gave no address."""
    detail = _detail(flow)
    why = {
        "nxdomain": f"The name server answered NXDOMAIN: there is no name {_host(flow)}",
        "nodata": f"The name {_host(flow)} exists, but has no address of the kind asked for",
        "unanswered": f"Nobody answered the DNS question for {_host(flow)}",
    }.get(
        flow.outcome,
        f"The name server answered {detail.dns.code if detail.dns else 'with an error'}: it "
        f"couldn't tell about {_host(flow)}",
    )
    return f"{why}, so {consequence} and no connection was tried."


def timed_out(flow: Flow, end: str) -> str:
    """Return what the client waited for; `end` says when it stopped: `its own timeout was up`."""
    detail = _detail(flow)
    if flow.protocol == "dns":
        return f"Nobody answered the DNS question for {_host(flow)}: the client waited until {end}."
    if flow.outcome == "unanswered":
        what = "SYN" if flow.protocol == "tcp" else "datagram"
        count = f"{detail.requests} {what}s" if detail.requests != 1 else f"One {what}"
        return (
            f"{count} to {_target(flow)} got no answer, not even a refusal: a firewall that drops "
            f"packets looks like this, and the client waited until {end}."
        )
    if not detail.bytes_received:
        return (
            f"{_target(flow)} took the connection and then said nothing at all: the client "
            f"waited until {end}."
        )
    return (
        f"{_target(flow)} sent {format_size(detail.bytes_received)} and then kept the client "
        f"waiting until {end}."
    )


def reset_by_server(flow: Flow, consequence: str) -> str:
    """Return when the server broke the connection off with a RST."""
    received = _detail(flow).bytes_received
    when = f"after {format_size(received)}" if received else "before it had sent anything"
    return f"{_target(flow)} took the connection and broke it off with a RST {when}: {consequence}."


def closed_by_server(flow: Flow) -> str:
    """Return when the server closed the connection, which was too early for the client."""
    received = _detail(flow).bytes_received
    when = f"after {format_size(received)}" if received else "without a word"
    return (
        f"{_target(flow)} took the connection and closed it (FIN) {when}: no system call fails at "
        f"an early end, so it is the library that complains."
    )


def handshake_failed(flow: Flow, tls: TlsDetail) -> str:
    """Return why a TLS handshake failed, as far as it is in plain text."""
    if tls.not_tls is not None:
        return f'{_target(flow)} doesn\'t speak TLS: it said "{clip(tls.not_tls, 40)}".'
    for alert in tls.alerts:
        if alert.description == "close_notify":
            continue
        who = _target(flow) if alert.by == "server" else "The client"
        whose = "the client's offer" if alert.by == "server" else "what the server sent"
        return f"{who} turned {whose} down with the TLS alert {alert.description}."
    if tls.chosen is None:
        return f"{_target(flow)} never answered the ClientHello with a ServerHello."
    return (
        f"{_target(flow)} agreed to {tls.chosen}; what went wrong after that is encrypted, so only "
        f"the client's own message tells."
    )
