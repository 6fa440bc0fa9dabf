"""The hosts of a lab: network namespaces that a bridge joins, and files that their programs share.

Nothing joins them with any other network: the bridge is in a namespace of the lab's own, without
a link to the host.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from labctl.services.netlink import Routing, hardware_address
from labctl.warden import syscalls
from labctl.warden.files import write_file
from labctl.warden.specs import HostSpec

_BRIDGE = "lab"
_NO_IPV6 = {f"net.ipv6.conf.{which}.disable_ipv6": "1" for which in ("all", "default", "lo")}
_IPV6 = "net.ipv6."


class Host(NamedTuple):
    """A host that is there: its network namespace, and where its files are, by their paths."""

    namespace: int
    files: Mapping[str, str]


class Network:
    """The hosts of a lab, by their names, and the bridge between them."""

    def __init__(self, folder: str) -> None:
        """Take a folder for the files of hosts. The current network namespace is the bridge's."""
        self._folder = folder
        self._own = _current_namespace()
        self._hosts: dict[str, Host] = {}
        self._bridge = 0
        self._count = 0

    def __getitem__(self, name: str) -> Host:
        """Return the host of a name."""
        return self._hosts[name]

    def add(self, spec: HostSpec) -> None:
        """Make a host."""
        self._count += 1
        files = {path: self._write_file(path, text) for path, text in spec.files.items()}
        if spec.addresses and not self._bridge:
            with Routing() as routing:
                self._bridge = routing.add_bridge(_BRIDGE)
        syscalls.unshare(syscalls.NEW_NETWORK)
        namespace = _current_namespace()
        try:
            set_parameters({**_NO_IPV6, **spec.sysctls})
            with Routing() as routing:
                routing.set_up("lo")
            if spec.addresses:
                self._connect(spec, namespace)
        except OSError:
            os.close(namespace)
            raise
        finally:
            syscalls.enter(self._own, syscalls.NEW_NETWORK)
        self._hosts[spec.name] = Host(namespace, files)

    def _connect(self, spec: HostSpec, namespace: int) -> None:
        """Connect the network namespace of a host, which is the current one, with the bridge."""
        mac = hardware_address(spec.addresses[0])
        syscalls.enter(self._own, syscalls.NEW_NETWORK)
        with Routing() as routing:
            routing.add_pair(
                f"host{self._count}", bridge=self._bridge, peer="eth0", namespace=namespace, mac=mac
            )
        syscalls.enter(namespace, syscalls.NEW_NETWORK)
        with Routing() as routing:
            index = routing.set_up("eth0")
            routing.wait_until_operational(index)
            for address in spec.addresses:
                routing.add_address(index, address, spec.prefix)
            if spec.gateway:
                routing.add_default_route(spec.gateway)

    def _write_file(self, path: str, text: str) -> str:
        """Write a file of the host that is being made, and return where it is."""
        place = f"{self._folder}/{self._count}{path.replace('/', '-')}"
        write_file(place, text, flags=os.O_CREAT | os.O_EXCL)
        return place

    def remove(self, name: str) -> None:
        """Remove a host, and its links with it, once its last program has ended."""
        host = self._hosts.pop(name)
        os.close(host.namespace)
        for place in host.files.values():
            os.unlink(place)


def set_parameters(values: Mapping[str, str]) -> None:
    """Set parameters of the current namespaces (sysctl(8)). Those of IPv6 may be missing."""
    for name, value in values.items():
        try:
            write_file(f"/proc/sys/{name.replace('.', '/')}", value)
        except FileNotFoundError:
            if not name.startswith(_IPV6):
                raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"setting {name} to {value}") from error


def _current_namespace() -> int:
    """Open the current network namespace, and return the descriptor."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
