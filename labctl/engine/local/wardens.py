"""The wardens of labs, as labctl has them: processes that are started, asked, and told to end."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import IO, Any

from labctl.engine import sessions
from labctl.engine.local.obstacles import hint_for
from labctl.engine.local.warden_process import FEW_PROCESSES, ends_within, start_process
from labctl.engine.runtime import Refusal
from labctl.warden.channel import Channel, TooLong
from labctl.warden.specs import CommandSpec, HostSpec, LabSpec, ProgramSpec

Ended = Callable[[int | Refusal, bool], None]
"""Called when a program has ended: with its exit code and whether its memory was used up; or with
why nobody knows.
"""


class Ending:
    """The end of a program or a command, to be waited for: an Ended that keeps what it is told."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._code: Future[int] = Future()

    def __call__(self, code: int | Refusal, _: bool) -> None:
        """Note the exit code, or why nobody knows it."""
        if isinstance(code, Refusal):
            self._code.set_exception(code)
        else:
            self._code.set_result(code)

    def comes_within(self, limit_s: float) -> bool:
        """Wait for the end, no longer than this, and tell whether it has come."""
        return bool(wait([self._code], limit_s).done)

    def exit_code(self) -> int:
        """Wait for the end, and return the exit code. Raise Refusal if nobody knows it."""
        return self._code.result()


_END_S = 20.0
_ANSWER_S = 60.0
"""How long a warden may take for an answer; it takes some milliseconds."""


class Warden:
    """The warden of one lab. Its methods can be called from several threads at once; all raise
    Refusal where it can't do something, or has ended.
    """

    def __init__(self, spec: LabSpec) -> None:
        """Start a warden, and describe the lab to it. Nothing waits until it is ready."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = Channel(ours)
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed by `close`
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._count = 0
        self._answers: dict[int, Future[None]] = {}
        self._endings: dict[int, Ended] = {}
        self._ready: Future[None] = Future()
        self._failure = ""
        """Why the warden ended, if it said so."""
        try:
            with theirs:
                self._process = start_process(theirs.fileno(), self._said)
        except BaseException:
            self._channel.close()
            self._said.close()
            raise
        with contextlib.suppress(OSError):  # one that has ended says so by its silence
            self._channel.send({"lab": spec._asdict()})
        self._reader = threading.Thread(target=self._read, daemon=True)
        try:
            self._reader.start()
        except RuntimeError as error:
            self._end()
            raise Refusal(f"a lab cannot be started: {error}", hint=FEW_PROCESSES) from error

    @property
    def pid(self) -> int:
        """The id of the process that was started, which ends after the lab."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until the lab is there. Raise Refusal if it can't be started."""
        self._ready.result()

    def add_host(self, spec: HostSpec) -> None:
        """Make a host."""
        self._ask({"host": spec._asdict()})

    def remove_host(self, name: str) -> None:
        """Remove a host, whose programs have ended."""
        self._ask({"remove": name})

    def start(self, spec: ProgramSpec, files: Sequence[int], ended: Ended) -> int:
        """Start a program, whose files are its stdin, stdout and stderr, and others to be held
        open. Return its number once it runs; `ended` is called, in another thread, when it has
        ended.
        """
        return self._ask({"program": spec._asdict()}, files, ended)

    def start_command(
        self, command: CommandSpec, *, beside: int, files: Sequence[int], ended: Ended
    ) -> int:
        """Start a command beside the program of a number, and return its own number."""
        return self._ask({"command": command._asdict(), "beside": beside}, files, ended)

    def kill(self, number: int) -> None:
        """End a program, with all its processes, or a command. Do nothing if it has ended."""
        self._ask({"kill": number})

    def keep(self) -> None:
        """Let the lab stay when this process has ended, until nothing runs in it."""
        self._ask({"keep": True})

    def close(self) -> None:
        """End the lab, and wait until nothing is left of it."""
        self._end(self._reader)

    def _end(self, reader: threading.Thread | None = None) -> None:
        """End the warden, and wait for its end, and for the thread that reads what it tells."""
        self._channel.shut_down()
        try:
            if not ends_within(self._process, _END_S):
                sessions.end(self._process)
            if reader is not None:
                reader.join()
        finally:
            self._channel.close()
            self._said.close()

    def _ask(
        self, request: Mapping[str, Any], files: Sequence[int] = (), ended: Ended | None = None
    ) -> int:
        """Ask the warden for something, wait until it is done, and return the request's number."""
        answer: Future[None] = Future()
        with self._lock:
            self._count += 1
            number = self._count
            self._answers[number] = answer
            if ended is not None:
                self._endings[number] = ended
        try:
            # Whoever reads what the warden tells must never wait for this: it may take until then.
            with self._sending:
                self._channel.send({"number": number, **request}, files)
        except (OSError, TooLong) as error:
            with self._lock:
                self._answers.pop(number, None)
                self._endings.pop(number, None)
            if isinstance(error, TooLong):
                raise Refusal(f"its settings are too long: {error}") from error
            raise _gone(self._failure) from error
        try:
            answer.result(_ANSWER_S)
        except Refusal:
            with self._lock:
                self._endings.pop(number, None)
            raise
        except TimeoutError:
            sessions.end(self._process)  # one that is stopped does not see the channel's end
            raise Refusal(f"the warden of the lab did not answer within {_ANSWER_S:g} s") from None
        return number

    def _read(self) -> None:
        """Read what the warden tells, until it has ended."""
        try:
            self._begin()
            while (told := self._channel.receive()) is not None:
                self._take(told[0])
        finally:
            self._lose()

    def _begin(self) -> None:
        """Read whether the lab is there, or why not."""
        told = self._channel.receive()
        message = told[0] if told else {"error": self._last_words(), "doing": ""}
        if "error" not in message:
            self._ready.set_result(None)
            return
        what, error = message["doing"], message["error"]
        reason = error if what in error else f"{what}: {error}"
        hint = hint_for(what, error)
        self._ready.set_exception(Refusal(f"a lab cannot be started: {reason}", hint=hint))

    def _take(self, message: Mapping[str, Any]) -> None:
        """Take one message: that something has ended, or the answer to a request."""
        if "event" in message:
            with self._lock:
                ended = self._endings.pop(message["of"], None)
            if ended is not None:
                ended(message["code"], message["is_out_of_memory"])
            return
        if "number" not in message:
            self._failure = message["error"]
            return
        with self._lock:
            answer = self._answers.pop(message["number"])
        if "error" in message:
            answer.set_exception(Refusal(message["error"]))
        else:
            answer.set_result(None)

    def _lose(self) -> None:
        """Tell all who wait for the warden that it has ended."""
        self._channel.shut_down()  # whoever asks from now on is refused
        with self._lock:
            answers, self._answers = list(self._answers.values()), {}
            endings, self._endings = list(self._endings.values()), {}
        if not self._ready.done():
            self._ready.set_exception(_gone(self._failure))
        for answer in answers:
            answer.set_exception(_gone(self._failure))
        for ended in endings:
            ended(_gone(self._failure), False)

    def _last_words(self) -> str:
        """Return the last line that the process wrote to stderr."""
        ends_within(self._process, _END_S)
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        return next(filter(None, reversed(lines)), "its warden ended without a word")


def _gone(reason: str = "") -> Refusal:
    """Return the refusal for what a warden can't do any more."""
    if reason:
        return Refusal(f"the warden of the lab has failed: {reason}")
    return Refusal("the warden of the lab has ended", hint="something ended it from outside")
