"""What is known of a flow beside its outcome."""

from __future__ import annotations

from typing import Literal

from labctl.model.base import Record

Side = Literal["client", "server"]
"""The client is whoever began the flow."""


class IcmpError(Record):
    """The ICMP or ICMPv6 error that answered; `sender` is the host that sent it."""

    version: Literal[4, 6]
    type: int
    code: int
    meaning: str
    sender: str


class DnsDetail(Record):
    """A DNS query. `code` is the response code (`NXDOMAIN`) and empty if none came."""

    name: str
    type: str
    code: str = ""
    answers: tuple[str, ...] = ()
    queries: int = 1
    truncated: bool = False
    """An answer over UDP said that it is too long, and to ask again over TCP."""


class TlsAlert(Record):
    """An alert that was sent in plain text: `fatal handshake_failure`."""

    by: Side
    level: str
    description: str


class TlsDetail(Record):
    """What of a TLS handshake can be read: versions as `TLS 1.3`.

    From the ServerHello of TLS 1.3 on, all is encrypted, alerts too. `not_tls` is the start of
    what the server said in place of TLS.
    """

    offered: tuple[str, ...] = ()
    sni: str | None = None
    chosen: str | None = None
    alerts: tuple[TlsAlert, ...] = ()
    not_tls: str | None = None


class FlowDetail(Record):
    """More of one flow. `source` and `source_port` are those of whoever began it.

    `requests` counts SYNs, DNS questions, ARP requests or datagrams sent, retries included.
    `reset_by` sent the RST of a reset flow; `closed_first` sent the first FIN. `incoming` flows
    were begun by another host, not by the client's.
    """

    source: str = ""
    source_port: int | None = None
    incoming: bool = False
    packets: int = 0
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    reset_by: Side | None = None
    closed_first: Side | None = None
    icmp: IcmpError | None = None
    dns: DnsDetail | None = None
    tls: TlsDetail | None = None
