"""A host of a running lab: a container, and what the programs in it say."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress

from labctl.engine.inbox import Inbox
from labctl.engine.lab_containers import LabContainers
from labctl.engine.runtime import ContainerSpec, ContainerState
from labctl.engine.streams import Stream
from labctl.errors import EngineError
from labctl.model.messages import GO, decode_event, from_program, to_program

_LINE_LIMIT = 64 * 1024


class RunningHost:
    """A container with one program, or with one for each of several services that share it."""

    def __init__(
        self, containers: LabContainers, what: str, *, speaks: bool,
        shared_by: Iterable[str] | None = None,
    ) -> None:  # fmt: skip
        """Take what errors call it. The program of one that `speaks` writes events and listens. If
        it is labctl's own program for hosts, each line says whose it is: one of the services that
        the host is `shared_by`, which may be none, or its own.
        """
        self._containers = containers
        self._what = what
        self._speaks = speaks
        self._says_whose = shared_by is not None
        self._inboxes = {name: Inbox() for name in ("", *(shared_by or ()))}
        self._stream: Stream | None = None
        self.container = ""
        """Its id; "" before it is made."""
        self.holder: RunningHost | None = None
        """The container of labctl's own that holds its place on the network, if there is one."""
        self.is_closed = threading.Event()

    def inbox(self, service: str = "") -> Inbox:
        """Return the lines of a service that shares the host, or else the host's own."""
        return self._inboxes[service]

    def start(self, spec: ContainerSpec, *, after: Future[None] | None = None) -> None:
        """Start the container, and tell its program to go. What it has to come `after` is waited
        for when it is made. Raise EngineError if that fails.
        """
        self.make(spec)
        self.begin(after=after)

    def make(self, spec: ContainerSpec) -> None:
        """Make the container, and listen to it. Raise EngineError if that fails."""
        containers = self._containers
        self.container = containers.create(spec)
        stream = containers.attach(self.container, self._what, stdin=self._speaks)
        self._stream = stream
        if self.is_closed.is_set():  # before there was a stream to close
            stream.close()
        lines = stream.lines(limit=_LINE_LIMIT)
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def begin(self, *, after: Future[None] | None = None) -> None:
        """Start the container that was made, and tell its program to go. Raise EngineError if that
        fails.
        """
        self._containers.start(self.container, self._what, after=after)
        if self._speaks:
            with suppress(OSError):  # one that has ended at once: who waits for it sees why
                self.send(GO)

    def _listen(self, lines: Iterator[bytes]) -> None:
        """Put lines into the inboxes of those who said them, until the end of all."""
        with suppress(EngineError):  # whoever waits sees the end, and looks why
            for line in lines:
                self._put(line)
        for inbox in self._inboxes.values():
            inbox.end()

    def _put(self, line: bytes) -> None:
        """Put a line into the inbox of who said it."""
        if not self._says_whose:
            self._inboxes[""].add(line)
            return
        service, said = from_program(line)
        event = None if service else decode_event(said)
        ended = event.ended if event else ""
        inbox = self._inboxes.get(ended or service)
        if inbox is not None:
            inbox.add(said)
            if ended:
                inbox.end()

    def wait_until_ready(self, deadline: float) -> None:
        """Wait until the host's own program is ready. Raise EngineError if it is not at the
        deadline.
        """

        def is_ready(line: bytes) -> bool:
            event = decode_event(line)
            return event is not None and event.is_ready

        if not self._inboxes[""].wait_for(is_ready, deadline=deadline):
            said = " ".join(self.errors)
            raise EngineError(f"{self._what} did not get ready: {said or 'it said nothing'}")

    def send(self, line: str, service: str = "") -> None:
        """Say a line to the host's program, or to that of a service that shares it. Raise OSError
        once nobody listens, and EngineError before it was started.
        """
        if self._stream is None:
            raise EngineError(f"{self._what} was not started")
        self._stream.send_line(to_program(service, line) if service else line)

    def state(self) -> ContainerState:
        """Ask the engine for the container's state."""
        return self._containers.state(self.container, self._what)

    @property
    def errors(self) -> Sequence[str]:
        """The last lines that it wrote to stderr."""
        return list(self._stream.tail) if self._stream else ()

    def close(self) -> None:
        """Close the container's streams. A program of labctl's own ends then, unless the lab is
        kept. One that is still starting is given up.
        """
        self.is_closed.set()
        if self._stream is not None:
            self._stream.close()
        if self.holder is not None:
            self.holder.close()
