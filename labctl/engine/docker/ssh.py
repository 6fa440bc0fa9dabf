"""Engines at the other end of SSH (`ssh://user@host`), by the package paramiko."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeGuard

from labctl.errors import EngineError

_SCHEME = "ssh://"
_CONNECTING = threading.Lock()
"""Held while the default timeout of the whole process is changed."""


def is_ssh(address: str | None) -> TypeGuard[str]:
    """Tell whether an engine's address leads over SSH."""
    return address is not None and address.startswith(_SCHEME)


def require(address: str) -> None:
    """Raise EngineError if the package for SSH is not installed."""
    if find_spec("paramiko") is None:
        raise EngineError(
            f"the Docker engine at {address} needs the package paramiko, which is not installed",
            hint="install labctl with its extra for SSH: pip install 'labctl[ssh]'",
        )


@contextmanager
def impatient(address: str | None, timeout_s: float) -> Iterator[None]:
    """Inside the block, wait no longer than `timeout_s` for a host that an address of SSH names."""
    if not is_ssh(address):
        yield
        return
    # The SDK lets nobody say how long paramiko may take.
    with _CONNECTING:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(timeout_s)
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)


def refusal(address: str, error: BaseException) -> EngineError:
    """Return the error that says why no engine is reached over SSH."""
    return EngineError(
        f"no Docker engine is reached over SSH at {address}: {str(error) or type(error).__name__}",
        hint=f"see whether `docker -H {address} version` answers without asking for anything",
    )
