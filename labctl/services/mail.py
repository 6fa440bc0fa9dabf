"""A real SMTP server (aiosmtpd) that takes every message and says who got what."""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from .events import emit, peer_name
from .lifeline import say_ready
from .loop import run
from .settings import own_address

PORT = 25
LARGEST = 1 << 20
"""Bytes of the largest message."""
MOST = 64
"""Connections at once; more are cut off, so that no client can use up the server's memory."""


class Handler:
    """What the server does with what it is told."""

    async def handle_EHLO(  # noqa: N802 aiosmtpd's name
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Note that a client has said EHLO, and let aiosmtpd answer."""
        session.host_name = hostname
        emit("ehlo", peer_name(session.peer), name=hostname)
        return responses

    async def handle_HELO(  # noqa: N802 aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str
    ) -> str:
        """Note that a client has said HELO, and let aiosmtpd answer."""
        session.host_name = hostname
        emit("helo", peer_name(session.peer), name=hostname)
        return "250 mail.lab"

    async def handle_DATA(  # noqa: N802 aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Note a message, and accept it."""
        content = envelope.content or b""
        emit(
            "message",
            peer_name(session.peer),
            **{"from": envelope.mail_from, "to": ",".join(envelope.rcpt_tos)},
            size=len(content),
        )
        return "250 OK"


class Server(SMTP):
    """aiosmtpd's protocol, with an event where a connection begins and where it ends."""

    connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that a client has connected."""
        self._peer = peer_name(transport.get_extra_info("peername"))
        emit("connect", self._peer)
        Server.connections += 1
        super().connection_made(transport)
        if Server.connections > MOST and isinstance(transport, asyncio.Transport):
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Note that a client has gone, and how."""
        Server.connections -= 1
        emit("disconnect", self._peer, error=type(error).__name__ if error else "")
        super().connection_lost(error)


async def _serve() -> None:
    """Receive mail, for ever."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Server(Handler(), hostname="mail.lab", ident="labctl", data_size_limit=LARGEST),
        own_address(),
        PORT,
    )
    say_ready()
    await server.serve_forever()


def main() -> None:
    """Run the mail server."""
    run(_serve())
