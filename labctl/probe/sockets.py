"""The Internet sockets that this process has open, and the tracebacks that keep some open."""

from __future__ import annotations

from posix import fstat, listdir

from .exceptions import members_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SOCKETS_LIMIT = 16
"""The most sockets that are reported."""
_DESCRIPTORS = "/proc/self/fd"
_HIGHEST = 1024
_TYPE_MASK, _SOCKET = 0o170000, 0o140000
"""S_IFMT and S_IFSOCK of <sys/stat.h>."""
_FAMILIES = frozenset({2, 10})
"""AF_INET and AF_INET6 on Linux. An event loop has a pair of Unix sockets: those reach nobody."""
_PROTOCOLS = {1: "tcp", 2: "udp"}
_CHAIN_LIMIT = 1000
"""The most exceptions of a chain whose tracebacks are dropped; much longer chains could crash."""

_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__


class OpenSockets:
    """Finds open sockets. Must be made before the client runs, which may replace functions."""

    def __init__(self) -> None:
        """Keep the functions of the system that are needed later, before the client can replace
        them.
        """
        self._listdir, self._fstat = listdir, fstat

    def descriptors(self) -> list[int]:
        """Return the descriptors of this process that are sockets of any kind."""
        try:
            numbers = sorted(map(int, self._listdir(_DESCRIPTORS)))
        except OSError:  # the client may have used up all descriptors, and that takes one
            numbers = list(range(_HIGHEST))
        return [number for number in numbers if self._is_socket(number)]

    def _is_socket(self, number: int) -> bool:
        """Tell whether a descriptor is a socket."""
        try:
            return self._fstat(number).st_mode & _TYPE_MASK == _SOCKET
        except OSError:
            return False

    def left_open(self, release: Callable[[], bool]) -> list[str] | None:
        """Return the Internet sockets still open: `tcp 198.18.0.3:2525`, `udp (not connected)`.

        `release` is called only if there are sockets. It drops the references to sockets that don't
        count as left open, and returns whether it could. None means that it could not, or that the
        client has broken what this function needs.
        """
        try:
            if self.descriptors() and not release():
                return None
            return _names(self.descriptors())
        except BaseException:  # noqa: BLE001 - whatever it is, it is the client's
            return None


def _names(descriptors: list[int]) -> list[str]:
    """Return descriptions of open sockets, as many as are reported."""
    if not descriptors:
        return []
    from _socket import socket  # noqa: PLC0415 - who has sockets has it

    names: list[str] = []
    for number in descriptors:
        name = _name(socket, number) if len(names) < _SOCKETS_LIMIT else ""
        names += [name] if name else []
    return names


def _name(kind: Any, number: int) -> str:
    """Return what the socket of a descriptor is; empty if it isn't an Internet socket."""
    # This asks the kernel about the client's descriptor; `detach` keeps it from being closed.
    socket = kind(fileno=number)
    try:
        if socket.family not in _FAMILIES:
            return ""
        return f"{_PROTOCOLS.get(socket.type, 'raw')} {_peer(socket)}"
    finally:
        socket.detach()


def _peer(socket: Any) -> str:
    """Return `198.18.0.3:2525`, `[::1]:2525`, or `(not connected)`."""
    try:
        host, port = socket.getpeername()[:2]
    except OSError:
        return "(not connected)"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def forget_tracebacks(error: BaseException) -> bool:
    """Drop the tracebacks of an exception and of all that it is chained to.

    With them go the frames and what their variables hold. Returns False, with some of them dropped,
    if the chain is longer than _CHAIN_LIMIT.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        linked = todo.pop()
        if linked is None or id(linked) in seen:
            continue
        if len(seen) >= _CHAIN_LIMIT:
            return False
        seen.add(id(linked))
        BaseException.with_traceback(linked, None)
        todo += (_cause(linked), _context(linked), *(members_of(linked) or ()))
    return True
