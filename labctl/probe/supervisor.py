"""The first process of the container: starts the client's process, ends it in time, reports.

stdin has the request, one line of JSON:

    {"source": "...", "filename": "client.py", "limit_s": 30.0, "argv": [],
     "env": {"LAB_HOST": "..."}}

stdout gets the report, one line of ASCII JSON of 1 MiB at most, with the keys of
labctl.model.result.Observation that a probe can know, and `probe: 1` and `python: "3.13.5"`.

`outcome` tells what the client's code did, as the child reported it; without a report, how the
child ended. `exit` and `signal` tell how the child really ended: both are null where it had to
be killed. So `raised` with `exit` null is a client that raised, and was then kept alive until
the limit by its threads, its atexit functions or the exception's `__str__`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import posix
import select
import sys
from time import monotonic

from .capture import Capture
from .jsonio import dumps, loads
from .sheet import KEY, count, create, foreign, reports
from .shield import shield

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Document: TypeAlias = dict[str, Any]

_MESSAGES_S = 2.0
"""How long messages and reprs may take once the bare facts of an exception are in."""
_TICK_S = 0.05
_DRAIN_S = 0.2
_OOM_FILES = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)
_MARKS = {
    ord("g"): "looked for the probe's objects with gc.get_objects or gc.get_referrers",
}
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


def main() -> None:
    """Read a request from stdin, run its client, write the report to stdout."""
    # Python handles SIGINT; the first process of a container is immune to what it leaves alone.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    shield()  # while the request is on its way
    line = _read_line(0)
    report = dumps(supervise(line, loads(line))).encode("ascii") + b"\n"
    while report:
        report = report[posix.write(1, report) :]


def _read_line(fd: int) -> bytes:
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        part = posix.read(fd, 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def supervise(line: bytes, request: Document) -> Document:
    """Run one client to its end, or to the end of its time; the report of it."""
    kills = _oom_kills()
    child = Child(line, request["env"])
    child.wait(monotonic() + request["limit_s"])
    elapsed = monotonic() - child.started
    _kill_rest(child.pid)
    child.drain(monotonic() + _DRAIN_S)
    documents, unsealed = child.reports()
    claim, garbled = _claim(documents)
    garbled = garbled or bool(unsealed and not claim)
    return {
        "probe": 1,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "elapsed_s": elapsed,
        "outcome": "garbled" if garbled else child.outcome(_oom_kills() > kills),
        **claim,
        "stdout": child.out.text(),
        "stderr": child.err.text(),
        "exit": child.exit,
        "signal": child.signal,
        "tampered": _tampered(*child.foreign(len(documents)), unsealed),
    }


class Child:
    """The client's process."""

    def __init__(self, request: bytes, env: dict[str, str]) -> None:
        self._request_size = len(request)
        self._key = posix.urandom(KEY)
        self._sheet = create(request, self._key)
        (self._wake, wake), (out_end, out), (err_end, err) = (posix.pipe() for _ in range(3))
        self.out, self.err, self._said = Capture(out_end), Capture(err_end), Capture(self._wake)
        posix.set_inheritable(wake, True)
        self.started = monotonic()
        self.pid = posix.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-B", __file__.rpartition("/")[0] + "/child.py"]
            + [str(number) for number in (self._sheet, self._request_size, wake)],
            {**posix.environ, **{k.encode(): v.encode() for k, v in env.items()}},
            file_actions=[
                (posix.POSIX_SPAWN_OPEN, 0, "/dev/null", posix.O_RDONLY, 0),
                (posix.POSIX_SPAWN_DUP2, out, 1),
                (posix.POSIX_SPAWN_DUP2, err, 2),
            ],
            setpgroup=0,
        )
        for fd in (wake, out, err):
            posix.close(fd)
        self._poll = select.poll()
        self._open = {capture.fd: capture for capture in (self.out, self.err, self._said)}
        for fd in self._open:
            self._poll.register(fd, select.POLLIN)
        self._status: int | None = None
        self._tick = _TICK_S
        self._facts_at: float | None = None

    def wait(self, deadline: float) -> None:
        """Until the process ends; for its messages it has _MESSAGES_S after its first report.

        The pipes' ends say nothing of the process's: what it started may hold them open, or it
        may have closed them. The end of the wake pipe only makes this look more often.
        """
        while not self._ended():
            left = self._due(deadline) - monotonic()
            if left <= 0:
                return
            self._read(min(left, self._tick))
            if self._wake not in self._open:
                self._tick = min(self._tick * 2, _TICK_S)

    def _due(self, deadline: float) -> float:
        """When the process's time is up, as things stand."""
        if count(self._sheet, self._request_size) != 1:
            return deadline
        if self._facts_at is None:
            self._facts_at = monotonic()
        return min(deadline, self._facts_at + _MESSAGES_S)

    def _read(self, timeout: float) -> None:
        for fd, _ in self._poll.poll(timeout * 1000):
            if not self._open[fd].read():
                self._poll.unregister(fd)
                del self._open[fd]
                if fd == self._wake:
                    self._tick = 0.0005

    def drain(self, deadline: float) -> None:
        """Read what is left in the pipes."""
        while self._open and monotonic() < deadline:
            self._read(deadline - monotonic())

    def _ended(self) -> bool:
        """Whether the process has ended; reaps orphans, too, that came to the first process."""
        while self._status is None:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
            if pid == 0:
                return False
            if pid == self.pid:
                self._status = status
        return True

    def reports(self) -> tuple[list[bytes], int]:
        """The child's reports, the latest first, and how many others are in their place."""
        return reports(self._sheet, self._request_size, self._key)

    def foreign(self, reported: int) -> tuple[bytes, bool]:
        """Marks of the child's, and whether bytes came that are not from the probe."""
        return foreign(self._said.bytes(), reported)

    @property
    def exit(self) -> int | None:
        """The exit code; None where a signal ended the process."""
        if self._status is None or not posix.WIFEXITED(self._status):
            return None
        return posix.WEXITSTATUS(self._status)

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended the process, unless it was this one's."""
        if self._status is None or not posix.WIFSIGNALED(self._status):
            return None
        from signal import Signals  # noqa: PLC0415 - imports enum, and is rarely needed

        number = posix.WTERMSIG(self._status)
        known = {int(signal): signal.name for signal in Signals}
        return known.get(number, f"SIG{number}")

    def outcome(self, out_of_memory: bool) -> str:
        """How the process ended, for one that left no report."""
        if self._status is None:
            return "timed-out"
        if self.signal == "SIGKILL" and out_of_memory:
            return "out-of-memory"
        return "exited" if self.signal is None else "killed"


def _claim(found: list[bytes]) -> tuple[Document, bool]:
    """The latest well-formed report, and whether there were only others."""
    for report in found:
        try:
            claim = loads(report)
        except ValueError:
            continue
        if type(claim) is dict and claim.get("outcome") in {"raised", "returned"}:
            return {key: claim[key] for key in ("outcome", *_CLAIMS) if key in claim}, False
    return {}, bool(found)


def _tampered(marks: bytes, others: bool, unsealed: int) -> list[str]:
    """What the client did to the probe, each as the rest of a sentence about it."""
    found = [_MARKS[mark] for mark in marks]
    if others:
        found.append("wrote to the probe's own descriptor")
    if unsealed:
        found.append("wrote a report of its own into the probe's memory")
    return found


def _kill_rest(pid: int) -> None:
    """End all that the client left running: everything else here, if this is the first process.

    Elsewhere it is the client's process group: what left that stays.
    """
    try:
        posix.kill(-1 if posix.getpid() == 1 else -pid, _signal.SIGKILL)
    except ProcessLookupError:
        return


def _oom_kills() -> int:
    """How often the kernel has killed here for want of memory; 0 where it doesn't say."""
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
