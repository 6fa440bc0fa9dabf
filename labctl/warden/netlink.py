"""Links, addresses and routes of a network namespace, by rtnetlink(7)."""

from __future__ import annotations

import os
import socket
import struct
from types import TracebackType
from typing import Self

_NEW_LINK = 16
_SET_LINK = 19
_NEW_ADDRESS = 20
_NEW_ROUTE = 24
_REQUEST = 0x1 | 0x4
_CREATE = 0x400 | 0x200

_ADDRESS = 1
_NAME = 3
_MASTER = 10
_LINK_INFO = 18
_NAMESPACE = 28
_INFO_KIND = 1
_INFO_DATA = 2
_PEER = 1
_LOCAL_ADDRESS = 2
_BROADCAST = 4
_GATEWAY = 5

_UP = 1
_MAIN_TABLE = 254
_PROTOCOL_BOOT = 3
_TYPE_UNICAST = 1


class Routing:
    """Asks the kernel about the network namespace that was current when it was made."""

    def __init__(self) -> None:
        """Open a socket to the kernel."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Close the socket."""
        self._socket.close()

    def add_bridge(self, name: str) -> int:
        """Make a bridge that is up, and return its index."""
        info = _attribute(_LINK_INFO, _attribute(_INFO_KIND, b"bridge"))
        self._ask("making a bridge", _NEW_LINK, _link(flags=_UP) + _name(name) + info, _CREATE)
        return socket.if_nametoindex(name)

    def add_pair(self, name: str, *, bridge: int, peer: str, namespace: int, mac: bytes) -> None:
        """Make a pair of links (veth(4)): one here, up and on a bridge, and its peer, with a
        hardware address, in another network namespace.
        """
        there = _link() + _name(peer) + _attribute(_ADDRESS, mac) + _number(_NAMESPACE, namespace)
        data = _attribute(_INFO_DATA, _attribute(_PEER, there))
        info = _attribute(_LINK_INFO, _attribute(_INFO_KIND, b"veth") + data)
        body = _link(flags=_UP) + _name(name) + _number(_MASTER, bridge) + info
        self._ask("making a pair of links", _NEW_LINK, body, _CREATE)

    def set_up(self, name: str) -> int:
        """Set a link up, and return its index."""
        index = socket.if_nametoindex(name)
        self._ask(f"setting {name} up", _SET_LINK, _link(index=index, flags=_UP))
        return index

    def add_address(self, index: int, address: str, prefix: int) -> None:
        """Give a link an IPv4 address in a subnet."""
        own = int.from_bytes(socket.inet_aton(address), "big")
        broadcast = (own | (1 << 32 - prefix) - 1).to_bytes(4, "big")
        body = (
            struct.pack("=BBBBi", socket.AF_INET, prefix, 0, 0, index)
            + _attribute(_ADDRESS, socket.inet_aton(address))
            + _attribute(_LOCAL_ADDRESS, socket.inet_aton(address))
            + _attribute(_BROADCAST, broadcast)
        )
        self._ask(f"adding the address {address}", _NEW_ADDRESS, body, _CREATE)

    def add_default_route(self, gateway: str) -> None:
        """Send what is for elsewhere to a gateway."""
        head = struct.pack(
            "=BBBBBBBBI", socket.AF_INET, 0, 0, 0, _MAIN_TABLE, _PROTOCOL_BOOT, 0, _TYPE_UNICAST, 0
        )
        body = head + _attribute(_GATEWAY, socket.inet_aton(gateway))
        self._ask(f"adding a route by {gateway}", _NEW_ROUTE, body, _CREATE)

    def _ask(self, what: str, kind: int, body: bytes, flags: int = 0) -> None:
        """Ask the kernel to do something, and wait until it is done. Raise OSError if it isn't."""
        header = struct.pack("=LHHLL", 16 + len(body), kind, _REQUEST | flags, 1, 0)
        self._socket.send(header + body)
        code = struct.unpack_from("=i", self._socket.recv(65536), 16)[0]
        if code:
            raise OSError(-code, os.strerror(-code), what)


def _attribute(kind: int, data: bytes) -> bytes:
    """Return an attribute of a message."""
    size = 4 + len(data)
    return struct.pack("=HH", size, kind) + data + b"\0" * (-size % 4)


def _number(kind: int, value: int) -> bytes:
    """Return an attribute that is a number."""
    return _attribute(kind, struct.pack("=I", value))


def _name(name: str) -> bytes:
    """Return the attribute for a link's name."""
    return _attribute(_NAME, name.encode() + b"\0")


def _link(*, index: int = 0, flags: int = 0) -> bytes:
    """Return the head of a message about a link, whose `flags` are to be set."""
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)
