"""Labs of the local engine: a warden, the hosts on its network, and their addresses."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from labctl.engine.local.rights import own_rights
from labctl.engine.local.store import LocalStore
from labctl.engine.local.wardens import Warden
from labctl.engine.runtime import NetworkSpec, Refusal
from labctl.warden import cgroups
from labctl.warden.specs import HostSpec, LabSpec

_HOSTS, _HOSTNAME, _RESOLV = "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"
_LOCALHOST = "127.0.0.1\tlocalhost\n"
_PREFIX = 24


@dataclass(frozen=True, kw_only=True)
class _Host:
    """A host of a lab: what it is called, its own address, and its names on the network."""

    hostname: str
    address: str
    names: tuple[str, ...]


class Lab:
    """One lab that is there. `network` is None for one with a single host, which is on none."""

    def __init__(self, warden: Warden, cgroup: str, network: NetworkSpec | None) -> None:
        """Take the warden, and the name of its cgroups."""
        self.warden = warden
        self._cgroup = cgroup
        self._network = network
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._free = deque(_dynamic_addresses(network) if network else ())

    def on(self, network: NetworkSpec) -> Lab:
        """Return this lab, which has no host yet, with a network."""
        return Lab(self.warden, self._cgroup, network)

    def add_host(
        self, name: str, *, hostname: str, on_network: bool, address: str | None = None,
        names: Sequence[str] = (), sysctls: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Make a host. On the network, it has an address of its own if none is given. The `names`
        are for those whose address is given, and they know one another's. Raise Refusal if there
        is no address left, or the kernel refuses.
        """
        with self._lock:
            own = address or (self._take_address() if on_network else "")
            host = _Host(hostname=hostname, address=own, names=tuple(names))
            spec = HostSpec(
                name=name,
                address=own,
                prefix=_PREFIX,
                gateway=self._network.gateway if self._network and own else "",
                sysctls=dict(sysctls),
                files={
                    _HOSTS: self._hosts_file(host),
                    _HOSTNAME: f"{hostname}\n",
                    _RESOLV: "",
                },
            )
            try:
                self.warden.add_host(spec)
            except BaseException:
                self._give_back(host)
                raise
            self._hosts[name] = host
            if names:
                self._rewrite(except_for=name)

    def hostname(self, name: str) -> str:
        """Return what a host is called."""
        return self._hosts[name].hostname

    def remove_host(self, name: str) -> None:
        """Remove a host, whose programs have ended."""
        with self._lock:
            host = self._hosts.pop(name)
            self._give_back(host)
            self.warden.remove_host(name)
            if host.names:
                self._rewrite()

    def _take_address(self) -> str:
        """Return an address that is free. Raise Refusal if there is none."""
        if not self._free:
            raise Refusal("no free address is left on the lab's network")
        return self._free.popleft()

    def _give_back(self, host: _Host) -> None:
        """Note that a host's address is free again. It is the last to be given out anew, so that
        nobody takes what is still on its way for the next host.
        """
        if host.address and not host.names:
            self._free.append(host.address)

    def _hosts_file(self, host: _Host) -> str:
        """Return the text of a host's /etc/hosts: itself, and for one with names, the others."""
        lines = [_LOCALHOST]
        if host.address:
            lines.append(f"{host.address}\t{host.hostname}\n")
        if host.names:
            lines += [
                f"{other.address}\t{' '.join(other.names)}\n"
                for other in {*self._hosts.values(), host}
                if other.names
            ]
        return "".join(lines)

    def _rewrite(self, *, except_for: str = "") -> None:
        """Tell the hosts with names who else has some."""
        for name, host in self._hosts.items():
            if host.names and name != except_for:
                self.warden.write(name, {_HOSTS: self._hosts_file(host)})

    def close(self) -> None:
        """End the lab, and wait until nothing is left of it."""
        self.warden.close()
        # The warden's own process does so, too, unless something has ended it by force.
        cgroups.end([one.below(self._cgroup) for one in cgroups.own_hierarchies()])


def start_lab(store: LocalStore, network: NetworkSpec | None = None) -> Lab:
    """Start a lab. Raise Refusal if that is not possible here."""
    rights = own_rights()
    cgroup = cgroups.new_name()
    spec = LabSpec(mount=str(store.mount), cgroup=cgroup, users=rights.users, groups=rights.groups)
    return Lab(Warden(spec), cgroup, network)


class LabStarter:
    """Starts labs, the first of them ahead if it is asked to."""

    def __init__(self, store: LocalStore) -> None:
        """Take the images' store, which has a place for mounts."""
        self._store = store
        self._lock = threading.Lock()
        self._spare: Lab | None = None

    def prepare(self) -> None:
        """Start a lab for the first network. It ends with this process if none is asked for. Raise
        Refusal if that is not possible here.
        """
        spare = start_lab(self._store)
        atexit.register(self._end_spare)
        with self._lock:
            self._spare = spare

    def start(self, network: NetworkSpec | None = None) -> Lab:
        """Return a lab: for a network, the one that was started ahead, if it is there. Raise
        Refusal if that is not possible here.
        """
        if network and (spare := self._take_spare()):
            return spare.on(network)
        return start_lab(self._store, network)

    def _take_spare(self) -> Lab | None:
        """Return the lab that was started ahead, once."""
        with self._lock:
            spare, self._spare = self._spare, None
        return spare

    def _end_spare(self) -> None:
        """End the lab that was started ahead, if nobody needed it."""
        if spare := self._take_spare():
            spare.close()


def _dynamic_addresses(network: NetworkSpec) -> list[str]:
    """Return the addresses that are given out on a network, but its broadcast address."""
    addresses = [str(address) for address in IPv4Network(network.dynamic_range)]
    return [one for one in addresses if one != str(network.subnet.broadcast_address)]
