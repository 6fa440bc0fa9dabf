"""A Runtime that runs containers in namespaces of this machine, each lab with a warden."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from labctl.engine.images.origins import engine_architecture
from labctl.engine.labels import has_all
from labctl.engine.local.image_names import how_to_load
from labctl.engine.local.labs import Lab, begin_lab
from labctl.engine.local.loaded import find_image
from labctl.engine.local.records import LabRecord, Records, end_lab
from labctl.engine.local.running import LocalContainer, LocalNetwork
from labctl.engine.local.spare import SPARE
from labctl.engine.local.store import LocalImage, LocalStore
from labctl.engine.local.stream import PipeStream
from labctl.engine.process import text_of
from labctl.engine.runtime import (
    Busy,
    ContainerSpec,
    ContainerState,
    InNamespaceOf,
    NetworkSpec,
    OnNetwork,
    Refusal,
    Resource,
    ResourceKind,
)
from labctl.errors import EngineError
from labctl.model.result import EngineInfo
from labctl.warden import cgroups

_IsMeant = Callable[[LabRecord], bool]

_ID_BYTES = 32
_HOSTNAME_DIGITS = 12


class _Present:
    """A Connection to an engine that is there as long as this process is."""

    def is_open(self) -> bool:
        """Return True: it can't go."""
        return True

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class LocalRuntime:
    """The Runtime of this process's labs. Of those of others, it knows by their records."""

    def __init__(self, store: LocalStore, records: Records) -> None:
        """Take the images, and the records."""
        self._store = store
        self._records = records
        self._lock = threading.Lock()
        self._recording = threading.Lock()
        self._networks: dict[str, LocalNetwork] = {}
        self._containers: dict[str, LocalContainer] = {}

    def prepare(self) -> None:
        """Start a lab ahead: the first container or network that is made has it. Raise Refusal if
        labs can't be started here.
        """
        SPARE.put(self._start_lab(), self._store)

    def _start_lab(self) -> Lab:
        """Return a lab that is ready: the spare one, or else a new one. Raise Refusal if it can't
        be started.
        """
        lab = SPARE.take(self._store) or begin_lab(self._store)
        lab.wait_until_ready()
        return lab

    @property
    def is_here(self) -> bool:
        """Return True: it is this machine."""
        return True

    @property
    def removes_whole_networks(self) -> bool:
        """Return True: a lab's warden ends, and the kernel ends all that is in the lab."""
        return True

    def ping(self) -> None:
        """Do nothing: the engine is in this process."""

    def connect(self) -> _Present:
        """Return a connection that is always open."""
        return _Present()

    def info(self) -> EngineInfo:
        """Return the engine's name, the kernel and the architecture; the version is the kernel's,
        since that is what runs labs.
        """
        release = os.uname().release
        return EngineInfo(
            name="local", version=release, kernel=release, architecture=engine_architecture()
        )

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        """Return the labels of an image; None if there is no image of that name."""
        found = find_image(self._store, image)
        return None if found is None else found.labels

    def lacks_image(self, image: str) -> EngineError:
        """Return the error for an image that the engine lacks. Its hint says what to do."""
        return EngineError(f"the local engine has no image {image}", hint=how_to_load(image))

    def create_network(self, spec: NetworkSpec) -> str:
        """Start a lab with a network, and return its id, which is its name."""
        lab = self._start_lab().on(spec)
        network = LocalNetwork(spec, lab)
        if network.is_kept:
            lab.warden.keep()
        with self._lock:
            self._networks[spec.name] = network
        self._write_record(network)
        return spec.name

    def create(self, spec: ContainerSpec) -> str:
        """Make a container without starting it, and return its id, which the other methods take."""
        image = find_image(self._store, spec.image)
        if image is None:
            raise Refusal(f"there is no image {spec.image}")
        id_ = secrets.token_hex(_ID_BYTES)
        lock = self._store.lock(image)
        try:
            made = self._placed(id_, spec, image, lock)
        except BaseException:
            os.close(lock)
            raise
        with self._lock:
            self._containers[id_] = made
            if made.network:
                made.network.containers[id_] = made
        if made.network:
            self._write_record(made.network)
        return id_

    def _placed(
        self, id_: str, spec: ContainerSpec, image: LocalImage, lock: int
    ) -> LocalContainer:
        """Return a container in its place: on a host of its own, or on that of another one."""
        place = spec.place
        hostname = spec.hostname or id_[:_HOSTNAME_DIGITS]
        if isinstance(place, InNamespaceOf):
            other = self._get(place.container)
            return LocalContainer(
                id_, spec, image, lock, other.lab, other.host, network=other.network
            )
        if isinstance(place, OnNetwork):
            network = self._networks.get(place.network)
            if network is None:
                raise Refusal(f"there is no network {place.network}")
            network.lab.add_host(id_, hostname=hostname, place=place, sysctls=spec.sysctls)
            return LocalContainer(
                id_, spec, image, lock, network.lab, id_, network=network, owns_host=True
            )
        lab = self._start_lab()
        try:
            lab.add_host(id_, hostname=hostname, place=None, sysctls=spec.sysctls)
        except BaseException:
            lab.close()
            raise
        return LocalContainer(id_, spec, image, lock, lab, id_, owns_host=True)

    def _get(self, id_: str) -> LocalContainer:
        """Return a container of this process. Raise Refusal if there is none."""
        with self._lock:
            found = self._containers.get(id_)
        if found is None:
            raise Refusal(f"there is no container {id_[:_HOSTNAME_DIGITS]}")
        return found

    def attach(self, container: str, *, stdin: bool) -> PipeStream:
        """Return the stdout and stderr of a container that has not been started, so that nothing it
        writes is missed; with `stdin`, also its stdin.
        """
        found = self._get(container)
        found.stream = PipeStream(stdin=stdin)
        return found.stream

    def start(self, container: str) -> None:
        """Start a container that was made. Do not wait for its program. Raise Refusal if that
        fails.
        """
        self._get(container).start(self._store)

    def wait(self, container: str) -> ContainerState:
        """Wait until a container has ended, and return its state."""
        found = self._get(container)
        found.wait()
        return found.state()

    def state(self, container: str) -> ContainerState:
        """Return the state that a container is in now."""
        return self._get(container).state()

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        """Return all things of a kind that have all of these labels: each a key, or `key=value`.
        The cgroups of labs that were ended by force, which have none, are removed meanwhile.
        """
        if kind is ResourceKind.NETWORK:
            cgroups.remove_stale()
        return [one for one in self._resources(kind) if has_all(one.labels, labels)]

    def _resources(self, kind: ResourceKind) -> Iterator[Resource]:
        """Yield all things of a kind: those of this process, and those that records tell of."""
        with self._lock:
            networks = dict(self._networks)
            containers = list(self._containers.values())
        others = [one for one in self._records.all() if one.network not in networks]
        if kind is ResourceKind.CONTAINER:
            for one in containers:
                yield Resource(kind=kind, id=one.id, labels=one.spec.labels)
            for record in others:
                for id_, own in record.containers.items():
                    yield Resource(kind=kind, id=id_, labels=own)
        if kind is ResourceKind.NETWORK:
            for network in networks.values():
                yield Resource(kind=kind, id=network.spec.name, labels=network.spec.labels)
            for record in others:
                yield Resource(kind=kind, id=record.network, labels=record.labels)

    def listing_command(self, label: str) -> str:
        """Return a shell command that lists the processes of labs: they carry no labels."""
        del label
        return "pgrep -af labctl/warden"

    def remove(self, kind: ResourceKind, id_: str) -> None:
        """Remove a container, running or not, or a network; do nothing if it has gone. A container
        of another process goes with its lab.
        """
        if kind is ResourceKind.CONTAINER:
            self._remove_container(id_)
        elif kind is ResourceKind.NETWORK:
            self._remove_network(id_)

    def _remove_container(self, id_: str) -> None:
        """Remove a container."""
        with self._lock:
            found = self._containers.pop(id_, None)
            if found is not None and found.network is not None:
                found.network.containers.pop(id_, None)
        if found is None:
            self._end_other(lambda record: id_ in record.containers)
            return
        found.remove()
        if found.network is not None:
            self._write_record(found.network)

    def _remove_network(self, id_: str) -> None:
        """Remove a network, and with it its lab and all containers on it."""
        with self._lock:
            found = self._networks.pop(id_, None)
            containers = list(found.containers.values()) if found else []
            for one in containers:
                del self._containers[one.id]
        if found is None:
            self._end_other(lambda record: record.network == id_)
            return
        try:
            found.lab.close()
        finally:
            for one in containers:
                one.release()
        self._records.remove(id_)

    def _end_other(self, is_meant: _IsMeant) -> None:
        """End the lab of another process that a record tells of. Raise Busy if it does not end."""
        for record in self._records.all():
            if is_meant(record):
                if not end_lab(record):
                    raise Busy(f"the process {record.pid} does not end")
                self._records.remove(record.network)

    def _write_record(self, network: LocalNetwork) -> None:
        """Write down what a lab is now, for other processes."""
        pid = network.lab.warden.pid
        with self._recording:
            with self._lock:
                if network.spec.name not in self._networks:
                    return
                containers = {one.id: dict(one.spec.labels) for one in network.containers.values()}
            self._records.write(
                LabRecord(
                    network=network.spec.name,
                    pid=pid,
                    process=text_of(pid),
                    labels=dict(network.spec.labels),
                    containers=containers,
                )
            )
