"""Which layer of a client a stack frame belongs to. Pure, by the names of module and function."""

from __future__ import annotations

import sys

APPLICATION = "application"
TLS = "tls"
EVENT_LOOP = "event loop"
NAME_RESOLUTION = "name resolution"
TRANSPORT = "transport"
OTHER = "other"

_RESOLVERS = {
    "socket:getaddrinfo",
    "socket:gethostbyname",
    "socket:gethostbyname_ex",
    "socket:gethostbyaddr",
    "socket:getnameinfo",
    "socket:getfqdn",
    "asyncio.base_events:_ipaddr_info",
    "asyncio.base_events:BaseEventLoop.getaddrinfo",
    "asyncio.base_events:BaseEventLoop.getnameinfo",
    "asyncio.base_events:BaseEventLoop._ensure_resolved",
    "asyncio.base_events:BaseEventLoop._getaddrinfo_debug",
}

_BY_MODULE = {
    "encodings.idna": NAME_RESOLUTION,
    "dns": NAME_RESOLUTION,
    "aiodns": NAME_RESOLUTION,
    "pycares": NAME_RESOLUTION,
    "idna": NAME_RESOLUTION,
    "ssl": TLS,
    "_ssl": TLS,
    "asyncio.sslproto": TLS,
    "OpenSSL": TLS,
    "socket": TRANSPORT,
    "_socket": TRANSPORT,
    "asyncio": EVENT_LOOP,
    "_asyncio": EVENT_LOOP,
    "selectors": EVENT_LOOP,
    "select": EVENT_LOOP,
    # What run_in_executor leaves in a stack, and what drives a client's own threads.
    "concurrent.futures": EVENT_LOOP,
    "threading": EVENT_LOOP,
    "trio": EVENT_LOOP,
    "anyio": EVENT_LOOP,
    "sniffio": EVENT_LOOP,
    "uvloop": EVENT_LOOP,
    "smtplib": APPLICATION,
    "http": APPLICATION,
    "urllib": APPLICATION,
    "ftplib": APPLICATION,
    "imaplib": APPLICATION,
    "poplib": APPLICATION,
    "nntplib": APPLICATION,
    "telnetlib": APPLICATION,
    "xmlrpc": APPLICATION,
    "socketserver": APPLICATION,
    "wsgiref": APPLICATION,
    "logging": APPLICATION,
    "multiprocessing": APPLICATION,
}
"""The layer of a module and of everything inside it; the longest name that fits counts."""


def layer_of(module: str, qualname: str) -> str:
    """Return the layer of a function: one of the constants above.

    What isn't of the standard library is an application's; helpers of the standard library that
    speak no protocol (`contextlib`, `codecs`, `json`) are `other`.
    """
    if f"{module}:{qualname}" in _RESOLVERS:
        return NAME_RESOLUTION
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        layer = _BY_MODULE.get(".".join(parts[:length]))
        if layer:
            return layer
    return OTHER if parts[0] in sys.stdlib_module_names else APPLICATION
