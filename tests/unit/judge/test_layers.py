"""Which layer a frame belongs to."""

from __future__ import annotations

import pytest

from labctl.judge.layers import layer_of


@pytest.mark.parametrize(
    ("frame", "layer"),
    [
        ("smtplib:SMTP.connect", "application"),
        ("http.client:HTTPConnection.connect", "application"),
        ("urllib.request:urlopen", "application"),
        ("ftplib:FTP.connect", "application"),
        ("imaplib:IMAP4.open", "application"),
        ("poplib:POP3.__init__", "application"),
        ("xmlrpc.client:ServerProxy.__request", "application"),
        ("requests.sessions:Session.send", "application"),
        ("httpx:get", "application"),
        ("aiohttp.client:ClientSession._request", "application"),
        ("ssl:SSLSocket.do_handshake", "tls"),
        ("asyncio.sslproto:SSLProtocol._do_handshake", "tls"),
        ("asyncio.streams:open_connection", "event loop"),
        ("asyncio.base_events:BaseEventLoop.create_connection", "event loop"),
        ("selectors:EpollSelector.select", "event loop"),
        ("concurrent.futures.thread:_WorkItem.run", "event loop"),
        ("threading:Thread.run", "event loop"),
        ("trio:run", "event loop"),
        ("anyio._core._sockets:connect_tcp", "event loop"),
        ("socket:getaddrinfo", "name resolution"),
        ("socket:gethostbyname_ex", "name resolution"),
        ("encodings.idna:Codec.encode", "name resolution"),
        ("asyncio.base_events:BaseEventLoop.getaddrinfo", "name resolution"),
        ("asyncio.base_events:BaseEventLoop._ensure_resolved", "name resolution"),
        ("dns.resolver:Resolver.resolve", "name resolution"),
        ("socket:create_connection", "transport"),
        ("socket:SocketIO.readinto", "transport"),
        ("contextlib:ExitStack.__exit__", "other"),
        ("encodings.utf_8:decode", "other"),
    ],
)
def test_layer(frame: str, layer: str) -> None:
    module, _, qualname = frame.partition(":")
    assert layer_of(module, qualname) == layer


def test_a_module_is_not_taken_for_one_whose_name_it_begins_with() -> None:
    assert layer_of("sslkeylog", "patch") == "application"
    assert layer_of("socketpool", "Pool.get") == "application"
