"""The first process of the container: starts the client's process, ends it in time, and reports.

stdin has the request, one line of JSON:

    {"source": "...", "filename": "client.py", "limit_s": 30.0, "most_s": 600.0, "argv": [],
     "env": {"LAB_HOST": "..."}, "imports": ["requests"]}

The child imports those modules. Then stdout gets the line `ready`, and the client's code starts
when stdin has the line `go`. Its time, and the limit of it, count from there.

Then stdout gets the report, one line of ASCII JSON of 1 MiB at most: those keys of
labctl.model.result.Observation that a probe can know, and `probe: 1` and `python: "3.13.5"`.

The limit is one of the client's own time: for how long it was starved is added, up to `most_s`.

`outcome` is what the client's code did, as the child reported it; without a report, it is how the
child's process ended. `exit` and `signal` are how the process really ended; both are null if it had
to be killed. So `raised` with `exit` null is a client that raised, and that was then kept alive
until the limit by its threads, its atexit functions or the exception's `__str__`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import posix
import resource
import select
import sys
from time import monotonic

from .jsonio import dumps, loads
from .pipe_reader import PipeReader
from .run_delay import RunDelay
from .shared_report import (
    KEY_SIZE,
    READY,
    count_reports,
    create_memory,
    parse_wake_bytes,
    read_reports,
)
from .shield import shield

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Document: TypeAlias = dict[str, Any]

_MESSAGES_S = 2.0
"""How long messages and reprs may take after the first report, which is without them."""
_TICK_S = 0.05
"""How often the process and the shared memory are looked at, at least."""
_DRAIN_S = 0.2
_READY_LINE = b"ready\n"
_OOM_FILES = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)
_MARKS = {
    ord("g"): "looked for the probe's objects with gc.get_objects or gc.get_referrers",
}
"""What each mark of the child says of the client."""
_OPEN_FILES = 256
"""How many files a client may have open. Set here, because not every engine sets such limits."""
_CLAIMS = (
    "exception",
    "stack",
    "omitted_frames",
    "returned",
    "unhandled",
    "calls",
    "omitted_calls",
    "sockets",
    "started_ns",
    "elapsed_s",
)
"""The keys that the child's report may have beside `outcome`."""


def main() -> None:
    """Read a request from stdin, run its client, and write the report to stdout."""
    # Python handles SIGINT; the first process of a container ignores signals without a handler.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    shield()  # while the request is on its way
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    line = _read_line(0)
    report = supervise(line, loads(line))
    if report:
        _write_all(dumps(report).encode("ascii") + b"\n")


def _limit(kind: int, most: int) -> None:
    """Limit what this process, and the client that it starts, may have of something. Nobody in the
    container may raise it again.
    """
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(kind, (most, most))


def _write_all(data: bytes) -> None:
    """Write all bytes to stdout."""
    while data:
        data = data[posix.write(1, data) :]


def _read_line(fd: int) -> bytes:
    """Return the first line of a descriptor, or all of it if there is no line break."""
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        part = posix.read(fd, 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def supervise(line: bytes, request: Document) -> Document:
    """Run one client until it ends or its time is up; return the report. It is empty if labctl goes
    away before the client has started.

    `line` is the request as it came, `request` what it says.
    """
    kills_before = _count_oom_kills()
    child = Child(line, request["env"])
    child.prepare()
    _write_all(_READY_LINE)
    if not _read_line(0):
        return {}
    child.begin()
    child.wait(request["limit_s"], request["most_s"])
    elapsed = monotonic() - child.started
    _kill_leftovers(child.pid)
    child.drain(monotonic() + _DRAIN_S)
    documents, without_key = child.reports()
    claim, is_garbled = _latest_claim(documents)
    is_garbled = is_garbled or bool(without_key and not claim)
    return {
        "probe": 1,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "elapsed_s": elapsed,
        "outcome": "garbled" if is_garbled else child.outcome(_count_oom_kills() > kills_before),
        **claim,
        "process_s": elapsed,
        "cut_short": child.is_cut_short,
        "cpu_s": child.cpu_s,
        "starved_s": child.starved_s,
        "stdout": child.out.text(),
        "stderr": child.err.text(),
        "exit": child.exit,
        "signal": child.signal,
        "tampered": _tampering(*child.marks(len(documents)), without_key),
    }


class Child:
    """The process that runs the client.

    Making one starts the process, `prepare` waits until it is ready to run the client's code, and
    `begin` lets it. `request` is the request as it came, `env` what to add to the environment.
    `out` and `err` have what the process wrote.
    """

    def __init__(self, request: bytes, env: dict[str, str]) -> None:
        """Start the client's process, with the request in its shared memory."""
        self._request_size = len(request)
        self._key = posix.urandom(KEY_SIZE)
        self._memory = create_memory(request, self._key)
        (self._wake, wake), (out_end, out), (err_end, err) = (posix.pipe() for _ in range(3))
        go, self._go = posix.pipe()
        self.out, self.err = PipeReader(out_end), PipeReader(err_end)
        self._wake_reader = PipeReader(self._wake)
        for fd in (wake, go):
            posix.set_inheritable(fd, True)
        self.started = monotonic()
        self.pid = posix.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-B", __file__.rpartition("/")[0] + "/child.py"]
            + [str(number) for number in (self._memory, self._request_size, wake, go)],
            {**posix.environ, **{k.encode(): v.encode() for k, v in env.items()}},
            file_actions=[
                (posix.POSIX_SPAWN_OPEN, 0, "/dev/null", posix.O_RDONLY, 0),
                (posix.POSIX_SPAWN_DUP2, out, 1),
                (posix.POSIX_SPAWN_DUP2, err, 2),
            ],
            setpgroup=0,
        )
        for fd in (wake, go, out, err):
            posix.close(fd)
        self._poll = select.poll()
        readers = (self.out, self.err, self._wake_reader)
        self._open = {reader.fd: reader for reader in readers}
        for fd in self._open:
            self._poll.register(fd, select.POLLIN)
        self._status: int | None = None
        self._tick = _TICK_S
        self._first_report_at: float | None = None
        self._starved_by_first_report = 0.0
        self._run_delay = RunDelay(self.pid)
        self._sampled_at = 0.0
        self.is_cut_short = False
        """Whether it was ended before it had all the time of its own."""

    def prepare(self) -> None:
        """Wait until the process has imported what the client imports, or has ended."""
        while READY not in self._wake_reader.bytes() and self._wake in self._open:
            self._read(_TICK_S)

    def begin(self) -> None:
        """Let the process run the client's code. Its time counts from now on."""
        self._run_delay.begin()
        self.started = monotonic()
        try:
            posix.write(self._go, b"\n")
        except BrokenPipeError:
            return  # it has ended
        finally:
            posix.close(self._go)

    @property
    def cpu_s(self) -> float:
        """How long the client's threads and processes had a processor, in seconds."""
        return self._run_delay.ran / 1e9

    @property
    def starved_s(self) -> float:
        """How long the client waited for a processor that others had, in seconds."""
        return self._run_delay.starved / 1e9

    def wait(self, limit_s: float, most_s: float) -> None:
        """Wait until the process ends, or its time is up; read its pipes meanwhile.

        It has `limit_s` seconds of its own, and `most_s` with those that it was starved. After its
        first report it has _MESSAGES_S for messages and reprs.

        The end of a pipe doesn't say that the process has ended: processes that it started may hold
        pipes open, or it may have closed them. The end of the wake pipe only makes this look more
        often.
        """
        while not self._has_ended():
            left = self._deadline(limit_s, most_s) - monotonic()
            if left <= 0:
                self.is_cut_short = limit_s + self.starved_s > most_s
                return
            self._read(min(left, self._tick))
            if self._wake not in self._open:
                self._tick = min(self._tick * 2, _TICK_S)

    def _deadline(self, limit_s: float, most_s: float) -> float:
        """Return when the process's time is up, as far as its reports and its delays tell now."""
        deadline = self.started + min(limit_s + self.starved_s, most_s)
        if count_reports(self._memory, self._request_size) != 1:
            return deadline
        if self._first_report_at is None:
            self._first_report_at = monotonic()
            self._starved_by_first_report = self.starved_s
        starved_since = self.starved_s - self._starved_by_first_report
        return min(deadline, self._first_report_at + _MESSAGES_S + starved_since)

    def _read(self, timeout: float) -> None:
        """Read a chunk of each pipe that has something, once one has or after `timeout` seconds."""
        for fd, _ in self._poll.poll(timeout * 1000):
            if not self._open[fd].read():
                self._poll.unregister(fd)
                del self._open[fd]
                if fd == self._wake:
                    self._tick = 0.0005

    def drain(self, deadline: float) -> None:
        """Read what is left in the pipes, until their ends or the deadline."""
        while self._open and monotonic() < deadline:
            self._read(deadline - monotonic())

    def _has_ended(self) -> bool:
        """Return whether the process has ended. Also reaps orphans that became this one's."""
        while self._status is None:
            ended = posix.waitid(posix.P_ALL, 0, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT)
            self._measure_delay(is_last=ended is not None and ended.si_pid == self.pid)
            if ended is None:
                return False
            pid, status = posix.waitpid(ended.si_pid, 0)
            if pid == self.pid:
                self._status = status
        return True

    def _measure_delay(self, *, is_last: bool) -> None:
        """Look how long the client was starved: every now and then, and last before it is reaped,
        since nobody knows any more after that.
        """
        now = monotonic()
        if is_last or now >= self._sampled_at + _TICK_S:
            self._sampled_at = now
            self._run_delay.sample()

    def reports(self) -> tuple[list[bytes], int]:
        """Return the child's reports, the latest first, and how many reports lack the key."""
        return read_reports(self._memory, self._request_size, self._key)

    def marks(self, report_count: int) -> tuple[bytes, bool]:
        """Return the child's marks, and whether others wrote to the wake pipe too."""
        return parse_wake_bytes(self._wake_reader.bytes(), report_count)

    @property
    def exit(self) -> int | None:
        """The exit code; None if a signal ended the process, or nothing has yet."""
        if self._status is None or not posix.WIFEXITED(self._status):
            return None
        return posix.WEXITSTATUS(self._status)

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended the process; None if it was not ended by one."""
        if self._status is None or not posix.WIFSIGNALED(self._status):
            return None
        from signal import Signals  # noqa: PLC0415 - imports enum, and is rarely needed

        number = posix.WTERMSIG(self._status)
        known = {int(signal): signal.name for signal in Signals}
        return known.get(number, f"SIG{number}")

    def outcome(self, out_of_memory: bool) -> str:
        """Return how the process ended, if it left no report.

        `out_of_memory` says that the kernel has killed for want of memory meanwhile.
        """
        if self._status is None:
            return "timed-out"
        if self.signal == "SIGKILL" and out_of_memory:
            return "out-of-memory"
        return "exited" if self.signal is None else "killed"


def _latest_claim(reports: list[bytes]) -> tuple[Document, bool]:
    """Return the first well-formed report, and whether there were reports but none of them is."""
    for report in reports:
        try:
            claim = loads(report)
        except ValueError:
            continue
        if type(claim) is dict and claim.get("outcome") in {"raised", "returned"}:
            return {key: claim[key] for key in ("outcome", *_CLAIMS) if key in claim}, False
    return {}, bool(reports)


def _tampering(marks: bytes, has_foreign_bytes: bool, without_key: int) -> list[str]:
    """Return what the client did to the probe, each as a sentence without "the client".

    `without_key` is the number of reports that lack the key.
    """
    deeds = [_MARKS[mark] for mark in marks]
    if has_foreign_bytes:
        deeds.append("wrote to the probe's own descriptor")
    if without_key:
        deeds.append("wrote a report of its own into the probe's memory")
    return deeds


def _kill_leftovers(pid: int) -> None:
    """Kill the client's process and all that it left running.

    The first process of a container kills every other process there. Elsewhere (in unit tests) only
    the client's process group is killed: processes that left the group stay.
    """
    try:
        posix.kill(-1 if posix.getpid() == 1 else -pid, _signal.SIGKILL)
    except ProcessLookupError:
        return


def _count_oom_kills() -> int:
    """Return how often the kernel has killed in this container for want of memory; 0 if unknown."""
    for path in _OOM_FILES:
        try:
            fd = posix.open(path, posix.O_RDONLY)
        except OSError:
            continue
        words = posix.read(fd, 4096).split()
        posix.close(fd)
        if b"oom_kill" in words:
            return int(words[words.index(b"oom_kill") + 1])
    return 0
