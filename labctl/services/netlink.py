"""Links, addresses and routes of a network namespace, by rtnetlink(7)."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from types import TracebackType
from typing import Self

_NEW_LINK = 16
_GET_LINK = 18
_SET_LINK = 19
_NEW_ADDRESS = 20
_NEW_ROUTE = 24
_ERROR = 2
"""The kind of an answer that says with which error something ended, or 0."""
_REQUEST = 0x1
_ACKNOWLEDGE = 0x4
_CREATE = 0x400 | 0x200 | _ACKNOWLEDGE

_ADDRESS = 1
_NAME = 3
_MASTER = 10
_STATE = 16
_LINK_INFO = 18
_NAMESPACE_OF = 19
_NAMESPACE = 28
_INFO_KIND = 1
_INFO_DATA = 2
_PEER = 1
_LOCAL_ADDRESS = 2
_BROADCAST = 4
_GATEWAY = 5

_UP = 1
_NO_ARP = 0x80
_OPERATIONAL = 6
_WAIT_S = 30.0
_POLL_S = 0.001
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

    def add_bridge(self, name: str, *, index: int = 0, mac: bytes = b"") -> int:
        """Make a bridge that is up, and return its index: this one, unless it is 0. Without a
        hardware address that is its own, it takes another one whenever links come and go.
        """
        info = _attribute(_LINK_INFO, _attribute(_INFO_KIND, b"bridge"))
        own = _attribute(_ADDRESS, mac) if mac else b""
        body = _link(index=index, flags=_UP) + _name(name) + own + info
        self._ask("making a bridge", _NEW_LINK, body, _CREATE)
        return socket.if_nametoindex(name)

    def add_pair(
        self, name: str, *, bridge: int, peer: str, mac: bytes, namespace: int | None = None
    ) -> None:
        """Make a pair of links (veth(4)): one here, up and on a bridge, and its peer, with a
        hardware address, in another network namespace, if one is given.
        """
        there = b"" if namespace is None else _number(_NAMESPACE, namespace)
        self._add_pair(name, bridge=bridge, here=b"", peer=peer, mac=mac, there=there)

    def join_bridge(self, name: str, *, bridge: int, peer: str, process: int, mac: bytes) -> None:
        """Make a pair of links: one up and on a bridge in the network namespace of a process, and
        its peer, with a hardware address, here.
        """
        here = _number(_NAMESPACE_OF, process)
        self._add_pair(name, bridge=bridge, here=here, peer=peer, mac=mac, there=b"")

    def _add_pair(
        self, name: str, *, bridge: int, here: bytes, peer: str, mac: bytes, there: bytes
    ) -> None:
        """Make a pair of links, whose ends have these attributes of their own."""
        end = _link() + _name(peer) + _attribute(_ADDRESS, mac) + there
        data = _attribute(_INFO_DATA, _attribute(_PEER, end))
        info = _attribute(_LINK_INFO, _attribute(_INFO_KIND, b"veth") + data)
        body = _link(flags=_UP) + _name(name) + _number(_MASTER, bridge) + here + info
        self._ask("making a pair of links", _NEW_LINK, body, _CREATE)

    def set_up(self, name: str, *, answers: bool = True) -> int:
        """Set a link up, and return its index. One that does not answer knows no ARP."""
        index = socket.if_nametoindex(name)
        flags = _UP if answers else _UP | _NO_ARP
        self._ask(f"setting {name} up", _SET_LINK, _link(index=index, flags=flags))
        return index

    def wait_until_operational(self, index: int) -> None:
        """Wait until packets can leave by a link that was set up: the kernel makes it ready a
        moment later, and drops what is sent before. Raise OSError if that does not happen.
        """
        deadline = time.monotonic() + _WAIT_S
        while self._state(index) != _OPERATIONAL:
            if time.monotonic() > deadline:
                raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN), "waiting for a link")
            time.sleep(_POLL_S)

    def _state(self, index: int) -> int:
        """Ask for the operational state of a link (RFC 2863)."""
        answer = self._ask("looking at a link", _GET_LINK, _link(index=index), 0)
        at = 16 + len(_link())
        while at < len(answer):
            size, kind = struct.unpack_from("=HH", answer, at)
            if kind == _STATE:
                return answer[at + 4]
            at += size + (-size % 4)
        return 0

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

    def _ask(self, what: str, kind: int, body: bytes, flags: int = _ACKNOWLEDGE) -> bytes:
        """Ask the kernel for something, and return its answer. Raise OSError if it refuses."""
        header = struct.pack("=LHHLL", 16 + len(body), kind, _REQUEST | flags, 1, 0)
        self._socket.send(header + body)
        answer = self._socket.recv(65536)
        if struct.unpack_from("=LH", answer)[1] == _ERROR:
            code = struct.unpack_from("=i", answer, 16)[0]
            if code:
                raise OSError(-code, os.strerror(-code), what)
        return answer


def hardware_address(address: str) -> bytes:
    """Return the hardware address of a host's link, by the host's IPv4 address."""
    return bytes([2, 0x42, *socket.inet_aton(address)])


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
