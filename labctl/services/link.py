"""A container's place on the network of its lab, where its engine leaves that to the container.

Engines such as Docker make containers without a network then. The first one of a lab carries the
network: a bridge in its own network namespace. Each other one sees the processes of the first, and
makes a pair of links: one end for itself, the other on the bridge. So no part of the network is in
the namespace of the engine's host, and nothing on it reaches the host.

LABCTL_LINK says, as JSON, whether this container `carries` the network, its `addresses` there with
their `prefix`, the `gateway` of its route to elsewhere, and whether it `keeps` the capability that
all this needs (NET_ADMIN).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import time

from .netlink import Routing, hardware_address

VARIABLE = "LABCTL_LINK"
_CARRIER = 1
"""The first process of the container that carries the network, in the PID namespace of all."""
_BRIDGE = 1024
"""The index of the bridge there."""
_BRIDGE_MAC, _END_MAC = b"\x02\x42\0\0\0\x01", b"\x02\x42\0\0\0\x02"
_WAIT_S = 30.0
_POLL_S = 0.002
_NET_ADMIN = 12
_CAPABILITY_VERSION = 0x20080522


def join_network() -> None:
    """Take the place on the network that LABCTL_LINK says, if it says one. Raise OSError where the
    kernel refuses.
    """
    text = os.environ.pop(VARIABLE, "")
    if not text:
        return
    told = json.loads(text)
    with Routing() as routing:
        if told["carries"]:
            index = routing.add_bridge("lab", index=_BRIDGE, mac=_BRIDGE_MAC)
            # A bridge without any link is not operational.
            routing.add_pair("port", bridge=index, peer="end", mac=_END_MAC)
            routing.set_up("end", answers=False)
        else:
            _join(routing, told["addresses"][0])
            index = routing.set_up("eth0")
        routing.wait_until_operational(index)
        for address in told["addresses"]:
            routing.add_address(index, address, told["prefix"])
        if told["gateway"]:
            routing.add_default_route(told["gateway"])
    if not told["keeps"]:
        _give_up_net_admin()


def _join(routing: Routing, address: str) -> None:
    """Make the pair of links, as soon as the bridge is there."""
    number = socket.inet_aton(address)
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            routing.join_bridge(
                f"host{number[2]}.{number[3]}",
                bridge=_BRIDGE,
                peer="eth0",
                process=_CARRIER,
                mac=hardware_address(address),
            )
        except OSError as error:
            # The kernel knows no such bridge yet.
            if error.errno != errno.EINVAL or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


def _give_up_net_admin() -> None:
    """Give up NET_ADMIN, and let no program that is executed inherit anything."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        effective, permitted = 0, 1
        for index in (effective, permitted):
            sets[index] &= ~(1 << _NET_ADMIN)
        sets[2] = sets[5] = 0
        if libc.capset(header, sets) == 0:
            return
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), "giving up NET_ADMIN")
