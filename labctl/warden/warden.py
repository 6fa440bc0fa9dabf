"""The warden of a lab: does what labctl asks on the channel, and tells when programs end.

It is the first process of the lab's PID namespace. When labctl's end of the channel goes, it ends,
and the kernel ends the lab; unless it was told to keep the lab.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from labctl.warden import syscalls
from labctl.warden.cgroups import Group, Hierarchy
from labctl.warden.channel import Channel
from labctl.warden.failures import describe
from labctl.warden.hosts import Network
from labctl.warden.init import exit_code
from labctl.warden.memory_watch import PERIOD_S, beyond_limit
from labctl.warden.programs import Files, Place, start_command, start_program
from labctl.warden.seccomp import default_filter
from labctl.warden.specs import CommandSpec, HostSpec, LabSpec, ProgramSpec, made_from

_FLAGS = syscalls.MS_NOSUID | syscalls.MS_NODEV
_STANDARD = 3
_CHUNK = 65536


class _Running:
    """A program or a command that was started. `files` are kept open until it has ended."""

    def __init__(
        self, pid: int, *, is_program: bool, spec: ProgramSpec, place: Place, files: Sequence[int]
    ) -> None:
        """Take its first process; the spec and the place of a command are its program's."""
        self.pid = pid
        self.is_program = is_program
        self.spec = spec
        self.place = place
        self.pidfd = os.pidfd_open(pid)
        self.files = files
        self.is_over_limit = False
        self.is_answered = False
        self.has_begun = False


class Warden:
    """Holds one lab."""

    def __init__(self, spec: LabSpec, channel: Channel, hierarchies: Sequence[Hierarchy]) -> None:
        """Set up what all programs share. Raise OSError if the kernel refuses something."""
        self._spec = spec
        self._channel = channel
        self._hierarchies = hierarchies
        self._calls = default_filter()
        syscalls.mount("/", flags=syscalls.MS_PRIVATE | syscalls.MS_REC)
        syscalls.mount("/proc", kind="proc", flags=_FLAGS | syscalls.MS_NOEXEC)
        syscalls.mount(spec.mount, kind="tmpfs", flags=_FLAGS, options="size=64m,mode=755")
        os.mkdir(f"{spec.mount}/files")
        self._network = Network(f"{spec.mount}/files")
        self._running: dict[int, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._is_kept = False
        self._is_alone = False

    def serve(self) -> None:
        """Do what is asked until labctl goes, or, if the lab is kept, until nothing runs in it."""
        self._channel.send({"event": "ready"})
        self._selector.register(self._channel, selectors.EVENT_READ, self._serve_request)
        while True:
            for key, _ in self._selector.select(self._patience_s()):
                # An earlier one may have dealt with it, and closed its file.
                if self._selector.get_map().get(key.fd) == key:
                    key.data()
            self._watch_memory()
            if self._is_alone and not any(one.is_program for one in self._running.values()):
                return

    def _patience_s(self) -> float | None:
        """Return how long nothing has to be looked at by itself; None: for ever."""
        return PERIOD_S if self._limits() else None

    def _limits(self) -> dict[int, int]:
        """Return the limits of memory, in bytes, that only the warden sees to, by the first
        process of each program.
        """
        return {
            one.pid: one.spec.memory_bytes
            for one in self._running.values()
            if one.is_program
            and one.spec.memory_bytes is not None
            and not one.place.group.limits_memory
        }

    def _watch_memory(self) -> None:
        """End the programs that have more memory than they may."""
        if limits := self._limits():
            over = set(beyond_limit(limits))
            for one in self._running.values():
                if one.pid in over:
                    one.is_over_limit = True
                    _kill(one)

    def _serve_request(self) -> None:
        """Do what the next request asks, and answer it."""
        told = self._channel.receive()
        if told is None:
            self._lose_labctl()
            return
        request, files = told
        number = request["number"]
        try:
            if "program" in request:
                self._start_program(number, made_from(ProgramSpec, request["program"]), files)
                return  # it is answered once the program runs
            if "command" in request:
                self._start_command(number, request, files)
                return
            self._do(request)
        except (OSError, KeyError, ValueError) as error:
            _close(files)
            self._answer(number, error)
        else:
            _close(files)
            self._answer(number)

    def _do(self, request: Mapping[str, Any]) -> None:
        """Do what a request asks that is done at once."""
        if "host" in request:
            self._network.add(made_from(HostSpec, request["host"]))
        elif "remove" in request:
            self._network.remove(request["remove"])
        elif "kill" in request:
            _kill(self._running.get(request["kill"]))
        elif "keep" in request:
            self._is_kept = True

    def _answer(self, number: int, error: BaseException | None = None) -> None:
        """Answer a request: it is done, or why it could not be."""
        answer: dict[str, Any] = {"number": number}
        if error is not None:
            answer["error"] = describe(error)
        self._tell(answer)

    def _tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to labctl, if it is still there."""
        with contextlib.suppress(OSError):
            self._channel.send(message)

    def _lose_labctl(self) -> None:
        """End, since labctl has gone; or go on, if the lab is kept."""
        if not self._is_kept:
            os._exit(0)
        self._is_alone = True
        self._selector.unregister(self._channel)
        for one in self._running.values():
            if one.spec.keeps_output:
                self._drain(one)

    def _drain(self, one: _Running) -> None:
        """Read what a program writes, and forget it: nobody else does any more."""
        for file in one.files[:2]:
            os.set_blocking(file, False)

            def read(file: int = file) -> None:
                with contextlib.suppress(BlockingIOError):
                    if not os.read(file, _CHUNK):
                        self._selector.unregister(file)

            self._selector.register(file, selectors.EVENT_READ, read)

    def _start_program(self, number: int, spec: ProgramSpec, files: Sequence[int]) -> None:
        """Start a program. Its files are stdin, stdout, stderr, the other ends of the last two if
        its output is kept, and any to be held open until it has ended.
        """
        place = self._place(f"p{number}", spec)
        try:
            start = partial(start_program, spec, place)
            self._start(number, start, files, spec=spec, place=place, is_program=True)
        except BaseException:
            self._leave(place)
            raise

    def _start_command(self, number: int, request: Mapping[str, Any], files: Sequence[int]) -> None:
        """Start a command beside a program. Its files are stdin, stdout and stderr."""
        beside = self._running[request["beside"]]
        spec, place = beside.spec, beside.place
        command = made_from(CommandSpec, request["command"])
        start = partial(start_command, command, beside=beside.pid, spec=spec, place=place)
        self._start(number, start, files, spec=spec, place=place, is_program=False)

    def _start(
        self, number: int, start: Callable[..., int], files: Sequence[int], *,
        spec: ProgramSpec, place: Place, is_program: bool,
    ) -> None:  # fmt: skip
        """Start something with its files, and follow it. Raise ValueError if some are missing."""
        if len(files) < _STANDARD:
            raise ValueError("a program needs stdin, stdout and stderr")
        status, theirs = os.pipe()
        try:
            pid = start(files=Files(standard=(files[0], files[1], files[2]), status=theirs))
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(theirs)
        _close(files[:_STANDARD])
        one = _Running(pid, is_program=is_program, spec=spec, place=place, files=files[_STANDARD:])
        self._running[number] = one
        self._follow(number, one, status)

    def _place(self, name: str, spec: ProgramSpec) -> Place:
        """Return the place of a program, with cgroups and a folder that are made for it."""
        host = self._network[spec.host]
        work = f"{self._spec.mount}/{name}"
        os.mkdir(work)
        try:
            group = Group(self._hierarchies, name, spec)
        except OSError:
            os.rmdir(work)
            raise
        return Place(
            host=host,
            group=group,
            work=work,
            calls=self._calls,
            in_user_namespace=self._spec.has_user_namespace,
            has_one_user=self._spec.has_one_user,
        )

    def _follow(self, number: int, one: _Running, status: int) -> None:
        """Answer the request for something once it runs, and tell when it has ended."""

        def see_status() -> None:
            reason = os.read(status, _CHUNK)
            self._selector.unregister(status)
            os.close(status)
            one.is_answered = True
            one.has_begun = not reason
            answer: dict[str, Any] = {"number": number}
            if reason:
                answer["error"] = reason.decode("utf-8", "replace")
            self._tell(answer)

        def see_end() -> None:
            if not one.is_answered:
                see_status()
            self._selector.unregister(one.pidfd)
            self._end(number, one)

        self._selector.register(status, selectors.EVENT_READ, see_status)
        self._selector.register(one.pidfd, selectors.EVENT_READ, see_end)

    def _end(self, number: int, one: _Running) -> None:
        """Tell that something has ended, and remove what it leaves."""
        _, status = os.waitpid(one.pid, 0)
        os.close(one.pidfd)
        _close(one.files)
        del self._running[number]
        is_out_of_memory = one.is_program and (
            one.is_over_limit or one.place.group.is_out_of_memory()
        )
        if one.has_begun:
            self._tell(
                {
                    "event": "ended",
                    "of": number,
                    "code": exit_code(status),
                    "is_out_of_memory": is_out_of_memory,
                }
            )
        if one.is_program:
            self._leave(one.place)

    def _leave(self, place: Place) -> None:
        """Remove the cgroups and the folder of a program that has ended."""
        place.group.remove()
        shutil.rmtree(place.work, ignore_errors=True)


def _kill(one: _Running | None) -> None:
    """End a program, and with it all processes of its PID namespace, or a command; nothing if it
    has ended.
    """
    if one is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)


def _close(files: Sequence[int]) -> None:
    """Close files."""
    for file in files:
        os.close(file)
