"""A Runtime in memory: containers are threads that run a function, and nothing is isolated.

It shows that the seam is enough: labs, services, taps and cleaning up run on it without any engine.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from labctl.engine.labels import has_all
from labctl.engine.runtime import (
    Busy,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    Refusal,
    Resource,
    ResourceKind,
    Unreachable,
)
from labctl.engine.streams import ChunkReader
from labctl.errors import EngineError
from labctl.model.result import EngineInfo

CLIENT_ADDRESS = "198.18.0.128"
"""That of the first tap of a lab."""
IMAGES: Mapping[str, Mapping[str, str]] = {
    "labctl/lab:1f": {"labctl.events": "1"},
    "own/web": {},
}

Write = Callable[[str], None]
Program = Callable[[Iterator[str], Write], int]
"""Gets the lines of its stdin and a function that writes a line. Returns its exit code."""


class FakeStream(ChunkReader):
    """The streams of a fake container."""

    def __init__(self, container: FakeContainer) -> None:
        super().__init__()
        self._container = container
        self.tail: tuple[str, ...] = ("it said this on stderr",)

    def send_line(self, line: str) -> None:
        if not self._container.state.is_running:
            raise BrokenPipeError
        self._container.stdin.put(line)

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        while True:
            try:
                line = self._container.stdout.get(timeout=None if deadline is None else 5)
            except queue.Empty:
                raise TimeoutError from None
            if line is None:
                self._container.stdout.put(None)
                return
            yield line.encode()

    def close(self) -> None:
        self._container.stdin.put(None)
        self._container.stdout.put(None)


@dataclass
class FakeContainer:
    """A container that was made; `state` changes when it is started and when it ends."""

    spec: ContainerSpec
    program: Program
    state: ContainerState = field(default_factory=lambda: ContainerState(is_running=False))
    stdin: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    stdout: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.state = replace(self.state, is_running=True)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        exit_code = self.program(iter(self.stdin.get, None), self._write)
        self.end(exit_code)

    def _write(self, line: str) -> None:
        self.stdout.put(f"{line}\n")

    def end(self, exit_code: int) -> None:
        self.state = replace(self.state, is_running=False, exit_code=exit_code)
        self.stdin.put(None)
        self.stdout.put(None)
        self.ended.set()


@dataclass
class FakeConnection:
    """A connection to the fake engine."""

    is_standing: bool = True

    def is_open(self) -> bool:
        return self.is_standing

    def close(self) -> None:
        self.is_standing = False


class FakeRuntime:
    """See labctl.engine.runtime.Runtime. What programs do is up to the test."""

    def __init__(self, **programs: Program) -> None:
        """`programs` are what services do by their names, and what `tap` and `client` do."""
        self._programs = programs
        self._lock = threading.Lock()
        self.images = dict(IMAGES)
        self.containers: dict[str, FakeContainer] = {}
        self.networks: dict[str, NetworkSpec] = {}
        self.volumes: dict[str, Mapping[str, str]] = {}
        self.made: list[ContainerSpec] = []
        """Every container that was ever made, in order."""
        self.removed: list[str] = []
        self.busy: list[str] = []
        """For each id that is here, as often as it is here, the engine says that it is busy."""
        self.is_here = True
        self.removes_whole_networks = False
        self.is_there = True
        self._connections: list[FakeConnection] = []

    def go_away(self) -> None:
        """End, with all containers, as an engine that is restarted does."""
        with self._lock:
            self.is_there = False
            connections, self._connections = self._connections, []
            for connection in connections:
                connection.is_standing = False
            running = [c for c in self.containers.values() if c.state.is_running]
        for container in running:
            container.end(137)

    def _check(self) -> None:
        if not self.is_there:
            raise Unreachable("the engine does not answer")

    def ping(self) -> None:
        self._check()

    def connect(self) -> FakeConnection:
        self._check()
        self._connections.append(FakeConnection())
        return self._connections[-1]

    def info(self) -> EngineInfo:
        return EngineInfo(name="fake", version="1")

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        return self.images.get(image)

    def lacks_image(self, image: str) -> EngineError:
        return EngineError(f"the engine has no image {image}", hint=f"pull {image}")

    def create_network(self, spec: NetworkSpec) -> str:
        self._check()
        self.networks[f"id-{spec.name}"] = spec
        return f"id-{spec.name}"

    def create(self, spec: ContainerSpec) -> str:
        self._check()
        name = f"id-{spec.name}"
        with self._lock:
            self.made.append(spec)
            self.containers[name] = FakeContainer(spec, self.program(spec))
        return name

    def program(self, spec: ContainerSpec) -> Program:
        """What the program of a container does."""
        if spec.command == ("host",):
            return self._host(json.loads(spec.environment["LABCTL_PROGRAMS"]))
        if spec.command == ("tap",):
            return self._programs.get("tap", tap)
        name = spec.name.split("-")[-2]
        return self._programs.get(name, client if name == "client" else service)

    def _host(self, services: Iterable[str]) -> Program:
        """What the program of a host does that services share."""

        def run(stdin: Iterator[str], write: Write) -> int:
            says = {name: queue.SimpleQueue[str | None]() for name in services}
            for name, lines in says.items():
                threading.Thread(target=one, args=(name, lines, write), daemon=True).start()
            if next(stdin, "") != "go":
                return 1
            for lines in says.values():
                lines.put("go")
            write(f" {event('ready')}")
            for line in stdin:
                name, _, said = line.partition(" ")
                says[name].put(said)
            for lines in says.values():
                lines.put(None)
            return 0

        def one(name: str, lines: queue.SimpleQueue[str | None], write: Write) -> None:
            program = self._programs.get(name, service)
            code = program(iter(lines.get, None), lambda line: write(f"{name} {line}"))
            write(f" {event('ended', service=name, code=code)}")

        return run

    def attach(self, container: str, *, stdin: bool) -> FakeStream:
        assert self._find(container).spec.has_stdin is stdin
        return FakeStream(self._find(container))

    def start(self, container: str) -> None:
        self._find(container).start()

    def wait(self, container: str) -> ContainerState:
        self._find(container).ended.wait(5)
        return self._find(container).state

    def state(self, container: str) -> ContainerState:
        return self._find(container).state

    def _find(self, container: str) -> FakeContainer:
        self._check()
        if container not in self.containers:
            raise Refusal(f"no such container: {container}")
        return self.containers[container]

    def resources(self, kind: ResourceKind, labels: Sequence[str]) -> list[Resource]:
        self._check()
        present: dict[str, Mapping[str, str]] = {
            ResourceKind.CONTAINER: {k: c.spec.labels for k, c in self.containers.items()},
            ResourceKind.NETWORK: {k: n.labels for k, n in self.networks.items()},
            ResourceKind.VOLUME: self.volumes,
        }[kind]
        return [
            Resource(kind=kind, id=id_, labels=found)
            for id_, found in present.items()
            if has_all(found, labels)
        ]

    def listing_command(self, label: str) -> str:
        return f"fake ps {label}"

    def remove(self, kind: ResourceKind, id_: str) -> None:
        self._check()
        with self._lock:
            if id_ in self.busy:
                self.busy.remove(id_)
                raise Busy("removal is already in progress")
            self.removed.append(f"{kind} {id_}")
            going = [id_]
            if self.networks.pop(id_, None) and self.removes_whole_networks:
                going = list(self.containers)
            containers = [self.containers.pop(one) for one in going if one in self.containers]
            self.volumes.pop(id_, None)
        for container in containers:
            if not container.ended.is_set():
                container.end(137)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left on it."""
        return not (self.containers or self.networks or self.volumes)


def network(labels: Mapping[str, str]) -> NetworkSpec:
    """A network with these labels."""
    return NetworkSpec(
        name="n",
        subnet=IPv4Network("198.18.0.0/24"),
        gateway="198.18.0.1",
        labels=labels,
    )


def event(name: str, peer: str = "", **detail: object) -> str:
    """A line of a service or a tap."""
    return json.dumps({"at_s": 1.0, "event": name, "peer": peer, "detail": detail})


def service(stdin: Iterator[str], write: Write) -> int:
    """A service that has one event for each client."""
    if next(stdin, "") != "go":
        return 1
    write(event("ready"))
    for line in stdin:
        _, token, address = line.split()
        write(event("connect", f"{address}:40000"))
        write(event("connect", "198.18.0.131:40000"))
        write(event("synced", token=token))
    return 0


def tap(stdin: Iterator[str], write: Write) -> int:
    """A tap that has captured one packet, each time that it is asked."""
    if next(stdin, "") != "go":
        return 1
    write(event("ready"))
    for line in stdin:
        assert line == "drain"
        write(event("drained", lost=0, packets=[[1, "eth0", True, 3, "YWJj"]]))
    return 0


def client(stdin: Iterator[str], write: Write) -> int:
    """A client whose report is the name of its file."""
    for line in stdin:
        write("ready")
        if next(stdin, "") == "go":
            write(json.loads(line)["filename"])
            return 0
    return 1
