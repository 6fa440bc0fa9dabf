"""The Internet sockets that this process has open, and how to let go of what keeps them so."""

from __future__ import annotations

from posix import fstat, listdir

from .exceptions import members_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 16
"""Sockets that are told; who leaves more open will mend these first."""
_DESCRIPTORS = "/proc/self/fd"
_HIGHEST = 1024
_KIND, _SOCKET = 0o170000, 0o140000
"""S_IFMT and S_IFSOCK of <sys/stat.h>."""
_FAMILIES = frozenset({2, 10})
"""AF_INET and AF_INET6 on Linux. An event loop has a pair of Unix sockets: those reach nobody."""
_PROTOCOLS = {1: "tcp", 2: "udp"}
_CHAIN = 1000
"""Exceptions of a chain that are taken down: of a much longer one, that could crash."""

_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__


class Sockets:
    """Looks for them. Made before the client runs, which may replace what it takes."""

    def __init__(self) -> None:
        self._listdir, self._fstat = listdir, fstat

    def descriptors(self) -> list[int]:
        """Those of the descriptors that are sockets of any kind."""
        try:
            numbers = sorted(map(int, self._listdir(_DESCRIPTORS)))
        except OSError:  # the client may have used up all descriptors, and that takes one
            numbers = list(range(_HIGHEST))
        return [number for number in numbers if self._is_socket(number)]

    def _is_socket(self, number: int) -> bool:
        try:
            return self._fstat(number).st_mode & _KIND == _SOCKET
        except OSError:
            return False

    def left_open(self, let_go: Callable[[], bool]) -> list[str] | None:
        """As labctl.model.result.Observation: `tcp 198.18.0.3:2525`, `udp (not connected)`.

        `let_go` is called only where there are sockets, and drops what is not to count. None where
        it could not, and where the client has broken what this takes.
        """
        try:
            if self.descriptors() and not let_go():
                return None
            return _names(self.descriptors())
        except BaseException:  # noqa: BLE001 - whatever it is, it is the client's
            return None


def _names(descriptors: list[int]) -> list[str]:
    if not descriptors:
        return []
    from _socket import socket  # noqa: PLC0415 - who has sockets has it

    names: list[str] = []
    for number in descriptors:
        name = _name(socket, number) if len(names) < MOST else ""
        names += [name] if name else []
    return names


def _name(kind: Any, number: int) -> str:
    """What the socket of a descriptor is; nothing for one that is not of the Internet."""
    # Asks the kernel, without a descriptor of its own; detached, it doesn't close the client's.
    socket = kind(fileno=number)
    try:
        if socket.family not in _FAMILIES:
            return ""
        return f"{_PROTOCOLS.get(socket.type, 'raw')} {_peer(socket)}"
    finally:
        socket.detach()


def _peer(socket: Any) -> str:
    try:
        host, port = socket.getpeername()[:2]
    except OSError:
        return "(not connected)"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def forget_tracebacks(error: BaseException) -> bool:
    """Take the tracebacks, and with them the frames and what is in their variables, off an
    exception and all that it is chained to. False where that is more than can be taken down.
    """
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        if len(seen) >= _CHAIN:
            return False
        seen.add(id(one))
        BaseException.with_traceback(one, None)
        todo += (_cause(one), _context(one), *(members_of(one) or ()))
    return True
