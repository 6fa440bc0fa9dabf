"""Files that are right, for tests to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labctl.errors import InputError

LAB = Path("builtin.yaml")

COMPOSE = """\
version: "3.8"
x-note: left out
services:
  dns:
    image: labctl/lab
    command: [dns]
    networks: {lab: {aliases: [dns.lab], ipv4_address: 198.18.0.2}}
  closed:
    image: labctl/lab
    command: closed --quiet
    networks: {lab: {aliases: [closed.lab], ipv4_address: 198.18.0.11}}
  mail:
    image: labctl/lab
    depends_on: [closed]
    x-note: left out
networks:
  lab:
    internal: true
    ipam: {config: [{subnet: 198.18.0.0/24}]}
"""

SCENARIO = """\
name: mine
title: Nothing listens
layer: tcp
story: Its kernel answers with a RST.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  socket:
    client: |
      import socket
    expect: {raises: ConnectionRefusedError}
"""


def changed(text: str, old: str, new: str) -> str:
    """The text with its one `old` replaced."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def write(name: str, text: str | bytes) -> Path:
    """A file in the current folder, which is the test's own."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(action: Callable[[], object]) -> list[str]:
    """The messages of the InputError that the action raises, each with its exit code checked."""
    with pytest.raises(InputError) as caught:
        action()
    assert caught.value.exit_code == 3
    return [str(each) for each in caught.value.each()]


def hint(action: Callable[[], object]) -> str:
    """The hint of the InputError that the action raises."""
    with pytest.raises(InputError) as caught:
        action()
    return caught.value.hint
