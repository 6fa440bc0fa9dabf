"""Containers of the local engine: each with its program, its streams and its health."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from labctl.engine import labels
from labctl.engine.local.containers import program_of
from labctl.engine.local.health import Health
from labctl.engine.local.labs import Lab
from labctl.engine.local.store import LocalImage, LocalStore
from labctl.engine.local.stream import PipeStream
from labctl.engine.local.wardens import Ending
from labctl.engine.runtime import (
    CheckResult,
    ContainerSpec,
    ContainerState,
    NetworkSpec,
    Refusal,
)
from labctl.warden.specs import CommandSpec

_CHECK_LIMIT = 4096
_PIPE = 65536
_LOOK_S = 0.02
_NOT_STARTED = 126


@dataclass(eq=False)
class LocalNetwork:
    """A lab with a network, and its containers by their ids."""

    spec: NetworkSpec
    lab: Lab
    containers: dict[str, LocalContainer] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether it stays when this process has ended."""
        return labels.KEEP in self.spec.labels


@dataclass(eq=False)
class LocalContainer:
    """A container. `host` is that of the lab that its program is on; it may be another container's.

    `lock` is an open file that keeps its image.
    """

    id: str
    spec: ContainerSpec
    image: LocalImage
    lock: int
    lab: Lab
    host: str
    network: LocalNetwork | None = None
    owns_host: bool = False
    stream: PipeStream | None = None
    _health: Health | None = None
    _number: int | None = None
    _state: ContainerState = field(default_factory=lambda: ContainerState(is_running=False))
    _gone: Refusal | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def _is_kept(self) -> bool:
        """Whether its lab stays when this process has ended."""
        return self.network is not None and self.network.is_kept

    def start(self, store: LocalStore) -> None:
        """Start the program. Raise Refusal if that fails."""
        program = program_of(
            self.spec,
            self.image,
            root=store.root(self.image),
            host=self.host,
            hostname=self.spec.hostname or self.lab.hostname(self.host),
            keeps_output=self._is_kept and self.stream is not None,
        )
        if self.spec.health_check:
            self._health = Health(self.spec.health_check, self._check)
        self._state = ContainerState(is_running=True)
        with _files(self.stream, is_kept=self._is_kept) as files:
            try:
                self._number = self.lab.warden.start(program, [*files, self.lock], self._end)
            except Refusal as refusal:
                self._state = ContainerState(is_running=False, exit_code=_NOT_STARTED)
                raise Refusal(f"{program.command[0]}: {refusal.message}") from refusal
        if self._health:
            self._health.begin()

    def _end(self, code: int | Refusal, is_out_of_memory: bool) -> None:
        """Note that the program has ended, with its exit code or with why nobody knows it."""
        if isinstance(code, Refusal):
            self._gone = code
        else:
            self._state = ContainerState(
                is_running=False, exit_code=code, is_out_of_memory=is_out_of_memory
            )
        if self._health:
            self._health.end()
        self._ended.set()

    def wait(self) -> None:
        """Wait until the program has ended."""
        self._ended.wait()

    def state(self) -> ContainerState:
        """Return the state that it is in now. Raise Refusal if nobody knows."""
        if self._gone is not None:
            raise Refusal(self._gone.message, hint=self._gone.hint)
        health = self._health
        return ContainerState(
            is_running=self._state.is_running,
            exit_code=self._state.exit_code,
            is_healthy=health.is_healthy if health else True,
            last_check=health.last if health else None,
            is_out_of_memory=self._state.is_out_of_memory,
        )

    def remove(self) -> None:
        """End the program, and remove what was made for the container: its host, and its lab if it
        is alone there.
        """
        if self._health:
            self._health.end()
        try:
            # Where the warden has gone, so have its programs.
            with contextlib.suppress(Refusal):
                if self._number is not None:
                    self.lab.warden.kill(self._number)
                    self.wait()
                if self.owns_host and self.network is not None:
                    self.lab.remove_host(self.host)
            if self.owns_host and self.network is None:
                self.lab.close()
        finally:
            self.release()

    def release(self) -> None:
        """Let go of the image, once the program has ended."""
        os.close(self.lock)

    def _check(self, command: tuple[str, ...], limit_s: float) -> CheckResult:
        """Run the command of a health check beside the program."""
        ending = Ending()
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        output, theirs = os.pipe()
        os.set_blocking(output, False)
        try:
            number = self.lab.warden.start_command(
                CommandSpec(command),
                beside=self._number or 0,
                files=(nothing, theirs, theirs),
                ended=ending,
            )
            deadline = time.monotonic() + limit_s
            text = b""
            while not (has_ended := ending.comes_within(_LOOK_S)) and time.monotonic() < deadline:
                text += _read_some(output)  # a full pipe would keep it from ending
            if not has_ended:
                self.lab.warden.kill(number)
            text = (text + _read_some(output))[:_CHECK_LIMIT]
            code = ending.exit_code() if has_ended else None
        except Refusal as refusal:
            return CheckResult(exit_code=_NOT_STARTED, output=refusal.message)
        finally:
            for file in (nothing, output, theirs):
                os.close(file)
        return CheckResult(exit_code=code, output=text.decode("utf-8", "replace"))


@contextlib.contextmanager
def _files(stream: PipeStream | None, *, is_kept: bool) -> Iterator[list[int]]:
    """Yield the files of a program: its ends of the streams, or of none; and if the lab is kept,
    the other ends of its output.
    """
    if stream is not None:
        with stream.lending() as ends:
            yield [*ends, *(stream.outputs if is_kept else ())]
        return
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield [nothing] * 3
    finally:
        os.close(nothing)


def _read_some(file: int) -> bytes:
    """Read what is in a pipe now, and return it."""
    with contextlib.suppress(BlockingIOError):
        return os.read(file, _PIPE)
    return b""
