"""Labs of the local engine: a warden, the hosts on its network, and their addresses."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.engine.local.rights import own_rights
from labctl.engine.local.store import LocalStore
from labctl.engine.local.wardens import Warden
from labctl.engine.resolver import resolv_conf
from labctl.engine.runtime import NetworkSpec, OnNetwork
from labctl.warden import cgroups
from labctl.warden.specs import HostSpec, LabSpec

_HOSTS, _HOSTNAME, _RESOLV = "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"


class Lab:
    """One lab that is there. `network` is None for one with a single host, which is on none."""

    def __init__(self, warden: Warden, cgroup: str, network: NetworkSpec | None) -> None:
        """Take the warden, and the name of its cgroups."""
        self.warden = warden
        self._cgroup = cgroup
        self._network = network
        self._hostnames: dict[str, str] = {}

    def wait_until_ready(self) -> None:
        """Wait until the lab is there. If it can't be started, close it, and raise Refusal."""
        try:
            self.warden.wait_until_ready()
        except BaseException:
            self.close()
            raise

    def on(self, network: NetworkSpec) -> Lab:
        """Return this lab, which has no host yet, with a network."""
        return Lab(self.warden, self._cgroup, network)

    def add_host(
        self, name: str, *, hostname: str, place: OnNetwork | None, sysctls: Mapping[str, str]
    ) -> None:
        """Make a host. Raise Refusal if the kernel refuses."""
        network = self._network if place and place.addresses else None
        self.warden.add_host(
            HostSpec(
                name=name,
                addresses=place.addresses if place else (),
                prefix=network.subnet.prefixlen if network else 0,
                gateway=network.gateway if network else "",
                sysctls=dict(sysctls),
                files={
                    _HOSTS: _hosts_file(hostname, place),
                    _HOSTNAME: f"{hostname}\n",
                    _RESOLV: resolv_conf(place.name_server) if place else "",
                },
            )
        )
        self._hostnames[name] = hostname

    def hostname(self, name: str) -> str:
        """Return what a host is called."""
        return self._hostnames[name]

    def remove_host(self, name: str) -> None:
        """Remove a host, whose programs have ended."""
        del self._hostnames[name]
        self.warden.remove_host(name)

    def close(self) -> None:
        """End the lab, and wait until nothing is left of it."""
        self.warden.close()
        # The warden's own process does so, too, unless something has ended it by force.
        cgroups.end([one.below(self._cgroup) for one in cgroups.own_hierarchies()])


def start_lab(store: LocalStore, network: NetworkSpec | None = None) -> Lab:
    """Start a lab. Raise Refusal if that is not possible here."""
    lab = begin_lab(store)
    lab.wait_until_ready()
    return lab if network is None else lab.on(network)


def begin_lab(store: LocalStore) -> Lab:
    """Begin to start a lab, and return it before it is ready. Raise Refusal if no process can be
    started for it.
    """
    rights = own_rights()
    cgroup = cgroups.new_name()
    spec = LabSpec(mount=str(store.mount), cgroup=cgroup, users=rights.users, groups=rights.groups)
    return Lab(Warden(spec), cgroup, network=None)


def _hosts_file(hostname: str, place: OnNetwork | None) -> str:
    """Return the text of a host's /etc/hosts: itself, and those whose names it is to know."""
    lines = ["127.0.0.1\tlocalhost\n"]
    if place and place.addresses:
        lines.append(f"{place.addresses[0]}\t{hostname}\n")
        lines += [f"{address}\t{name}\n" for name, address in place.names.items()]
    return "".join(lines)
