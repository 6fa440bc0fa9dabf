"""The text of a new scenario: it loads and passes as it is, and explains each key. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_TEXT = """\
# A scenario: what the network is like, which clients meet it, and what each must observe.
#   labctl validate {name}.yaml    checks this file, and starts nothing
#   labctl run {name}.yaml         makes the attempts below, and judges them
#   labctl record {name}.yaml      fills in `expect` where an attempt has none
# docs/writing-a-scenario.md has all that can stand here.

# As the file is called, without its ending.
name: {name}
# One line for lists.
title: {title}
# Where it fails: dns, tcp, udp, tls, smtp, http, ftp, imap, pop3 or other.
layer: {layer}
# What happens and why, for whoever runs it.
story: |
  {story}
# The services that must run: see the table in docs/writing-a-scenario.md. dns always does.
services: [{services}]
# What clients aim at. They find it in LAB_HOST and LAB_PORT, too.
target: {{host: {host}, port: {port}}}
# Clients by name, each a Python program of its own: several libraries, to compare them.
attempts:
  {attempt}:
    client: |
{client}
    # What must be observed; what is not written is not judged. Take it out, and `labctl record`
    # writes down all there is: exception, stack, packets, on every Python.
    expect:
{expect}
"""


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The parts of the text that differ from layer to layer."""

    title: str = "Nothing listens on the port"
    story: str = "The host is up, but no process listens on the port: its kernel refuses."
    services: str = "closed"
    host: str = "closed.lab"
    port: int = 2525
    attempt: str = "socket"
    client: str = """\
import socket
socket.create_connection(("closed.lab", 2525), timeout=5)
"""
    expect: str = """\
# The exception's exact type: built-ins bare, others like socket.gaierror.
raises: ConnectionRefusedError
# The flows on the wire, in order, and no others.
wire:
  - dns closed.lab A answered
  - tcp closed.lab:2525 refused
"""


_STARTS = {
    "dns": _Start(
        title="The name does not exist",
        story="The name server answers that there is no such name.",
        services="",
        host="nosuchhost.lab",
        port=80,
        client="""\
import socket
socket.create_connection(("nosuchhost.lab", 80), timeout=5)
""",
        expect="""\
# The exception's exact type: built-ins bare, others as module.Name.
raises: socket.gaierror
# The flows on the wire, in order, and no others.
wire:
  - dns nosuchhost.lab A nxdomain
""",
    ),
    "http": _Start(
        port=8080,
        attempt="http.client",
        client="""\
import http.client
http.client.HTTPConnection("closed.lab", 8080, timeout=5).request("GET", "/")
""",
        expect="""\
# The exception's exact type: built-ins bare, others like http.client.BadStatusLine.
raises: ConnectionRefusedError
# The flows on the wire, in order, and no others.
wire:
  - dns closed.lab A answered
  - tcp closed.lab:8080 refused
""",
    ),
    "smtp": _Start(
        title="A mail server that takes the message",
        story="Nothing is wrong yet: the server takes every message, and says who got what.",
        services="mail",
        host="mail.lab",
        port=25,
        attempt="smtplib",
        client="""\
import smtplib
with smtplib.SMTP("mail.lab", 25, timeout=5) as server:
    refused = server.sendmail("ada@lab.test", ["bob@lab.test"], "Subject: hi\\n\\nhi\\n")
refused
""",
        expect="""\
# The value of the client's last line, as Python writes it; `raises: NAME` for an exception.
returns: "{}"
# The flows on the wire, in order, and no others.
wire:
  - dns mail.lab A answered
  - tcp mail.lab:25 closed
# What the services said of the client.
served:
  - mail connect
  - mail ehlo
  - mail message from=ada@lab.test to=bob@lab.test
  - mail disconnect
""",
    ),
}
"""Layers with parts of their own; the others begin with a port that is closed."""


def template(name: str, layer: str) -> str:
    """Return the text of a new scenario of that name."""
    start = _STARTS.get(layer, _Start())
    return _TEXT.format(
        name=name,
        layer=layer,
        title=start.title,
        story=start.story,
        services=start.services,
        host=start.host,
        port=start.port,
        attempt=start.attempt,
        client=_indented(start.client),
        expect=_indented(start.expect),
    )


def _indented(text: str) -> str:
    """Return a text indented for a YAML block."""
    return "\n".join(f"      {line}" for line in text.splitlines())
