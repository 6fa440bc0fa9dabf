"""The streams of programs: what they write, what they are sent, and how that ends."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from labctl.engine.local.stream import PipeStream
from tests.unit.open_files import open_files

LIMIT_S = 20


def soon() -> float:
    return time.monotonic() + LIMIT_S


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() <= before


@contextmanager
def running(script: str, *, stdin: bool = False) -> Iterator[PipeStream]:
    """The streams of a program of the shell's."""
    with closing(PipeStream(stdin=stdin)) as stream:
        theirs, out, err = stream.ends
        with subprocess.Popen(["sh", "-c", script], stdin=theirs, stdout=out, stderr=err) as child:
            stream.give()
            try:
                yield stream
            finally:
                stream.close()
                child.kill()


class Program:
    """A program's ends of the streams, for a test to use at its own pace."""

    def __init__(self, stream: PipeStream) -> None:
        self.stdin, self._out, self._err = map(os.dup, stream.ends)
        self._open = {self.stdin, self._out, self._err}
        stream.give()

    def out(self, data: bytes) -> None:
        assert os.write(self._out, data) == len(data)

    def err(self, data: bytes) -> None:
        assert os.write(self._err, data) == len(data)

    def end_out(self) -> None:
        self._close(self._out)

    def end_err(self) -> None:
        self._close(self._err)

    def end(self) -> None:
        for file in tuple(self._open):
            self._close(file)

    def _close(self, file: int) -> None:
        self._open.discard(file)
        os.close(file)


@contextmanager
def in_hand(*, stdin: bool = False) -> Iterator[tuple[PipeStream, Program]]:
    """The two sides of the streams. Whoever waits for ever sees the program's end after a while,
    and then the test fails.
    """
    with closing(PipeStream(stdin=stdin)) as stream:
        program = Program(stream)
        end = threading.Timer(LIMIT_S / 2, program.end)
        end.start()
        try:
            yield stream, program
            assert end.is_alive(), "somebody waited for ever"
        finally:
            end.cancel()
            end.join()
            program.end()


@contextmanager
def beside(function: Callable[[], object]) -> Iterator[Future[object]]:
    """What becomes of a call in another thread, which has begun."""
    has_begun = threading.Event()

    def call() -> object:
        has_begun.set()
        return function()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        assert has_begun.wait(LIMIT_S)
        yield future
        future.exception(LIMIT_S)


def wait_until_used(stream: PipeStream) -> None:
    """Wait until another thread waits inside of the stream."""
    deadline = soon()
    while not stream._users:  # noqa: SLF001 nothing else tells of it
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_a_program_writes_is_read_up_to_its_end() -> None:
    with running("echo one; echo oops >&2; printf two; exit 3") as stream:
        assert stream.read(limit=100, deadline=soon()) == b"one\ntwo"
        assert stream.tail == ("oops",)
        assert stream.read(limit=100, deadline=soon()) == b""


def test_lines_are_answered() -> None:
    with running("while read line; do echo got $line; done", stdin=True) as stream:
        for word in ("one", "two ü"):
            stream.send_line(word)
            assert stream.read_line(deadline=soon()) == f"got {word}\n".encode()


def test_without_stdin_a_program_reads_the_end() -> None:
    with running("cat; echo end") as stream:
        assert stream.read(limit=100, deadline=soon()) == b"end\n"
        with pytest.raises(BrokenPipeError):
            stream.send_line("x")


def test_read_keeps_no_more_than_the_limit_and_goes_on_to_the_end() -> None:
    with running("head -c 1000000 /dev/zero; echo end >&2") as stream:
        assert stream.read(limit=10, deadline=soon()) == bytes(10)
        assert stream.tail == ("end",)


def test_lines_are_cut_at_the_limit() -> None:
    with running("echo short; echo much too long; echo; printf last") as stream:
        assert list(stream.lines(limit=6)) == [b"short", b"much t", b"", b"last"]


def test_what_is_left_behind_a_line_is_read_later() -> None:
    with in_hand() as (stream, program):
        program.out(b"one\ntwo\nthr")
        assert stream.read_line(deadline=soon()) == b"one\n"
        assert stream.read_line(deadline=soon()) == b"two\n"
        program.out(b"ee")
        program.end()
        assert stream.read_line(deadline=soon()) == b"three"
        assert stream.read_line(deadline=soon()) == b""


def test_reading_gives_up_at_the_deadline() -> None:
    with in_hand() as (stream, _):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            stream.read(limit=10, deadline=began + 0.05)
        assert 0.05 <= time.monotonic() - began < LIMIT_S
        with pytest.raises(TimeoutError):
            stream.read_line(deadline=began)


def test_reading_gives_up_at_the_deadline_though_there_is_more() -> None:
    """A program that writes on and on takes no longer than one that is silent."""
    with in_hand() as (stream, program):
        program.err(b"x")
        with pytest.raises(TimeoutError):
            next(stream.chunks(time.monotonic() - 1))
        assert stream.tail == ()
        program.out(b"x")
        with pytest.raises(TimeoutError):
            next(stream.chunks(time.monotonic() - 1))


def test_the_tail_has_the_last_lines() -> None:
    with running("for n in $(seq 100); do echo line $n >&2; done; printf rest >&2") as stream:
        stream.read(limit=1, deadline=soon())
        assert stream.tail == (*(f"line {n}" for n in range(62, 101)), "rest")


def test_the_tail_joins_what_comes_in_pieces() -> None:
    with in_hand() as (stream, program):
        for piece in (b"a long li", b"ne\nand \xc3", b"\xbc, \xff", b"\n\n", b"rest"):
            program.err(piece)
            with pytest.raises(TimeoutError):  # it has come, and nothing else
                stream.read(limit=1, deadline=time.monotonic() + 0.02)
        program.end()
        assert stream.read(limit=1, deadline=soon()) == b""
        assert stream.tail == ("a long line", "and ü, \\xff", "", "rest")


def test_the_tail_keeps_the_end_of_a_line_that_does_not_end() -> None:
    with running("head -c 300000 /dev/zero | tr '\\0' x >&2; printf end >&2") as stream:
        stream.read(limit=1, deadline=soon())
        [line] = stream.tail
        assert (len(line), line[-5:]) == (8192, "xxend")


@pytest.mark.parametrize("first", [Program.end_out, Program.end_err])
def test_the_end_is_that_of_both_outputs(first: Callable[[Program], None]) -> None:
    with in_hand() as (stream, program):
        first(program)
        with pytest.raises(TimeoutError):
            stream.read(limit=10, deadline=time.monotonic() + 0.02)
        if first is Program.end_out:
            program.err(b"last words\n")
        else:
            program.out(b"last words\n")
        program.end()
        stdout = stream.read(limit=100, deadline=soon())
        assert (stdout, stream.tail) in [(b"last words\n", ()), (b"", ("last words",))]
        assert stream.read(limit=10, deadline=time.monotonic()) == b""


def test_a_line_that_is_longer_than_a_pipe_is_sent_as_a_whole() -> None:
    with (
        running("head -n 1 | wc -c", stdin=True) as stream,
        beside(lambda: stream.send_line("y" * 1_000_000)) as sent,
    ):
        assert sent.result(LIMIT_S) is None
        assert stream.read_line(deadline=soon()).strip() == b"1000001"


def wait_until_full(stream: PipeStream) -> None:
    """Wait until another thread has filled the program's stdin."""
    wait_until_used(stream)
    deadline = soon()
    assert stream._stdin  # noqa: SLF001
    poll = select.poll()
    poll.register(stream._stdin, select.POLLOUT)  # noqa: SLF001
    while poll.poll(0):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_closing_wakes_whoever_sends_to_a_full_pipe() -> None:
    with (
        in_hand(stdin=True) as (stream, _),
        beside(lambda: stream.send_line("x" * 1_000_000)) as sent,
    ):
        wait_until_full(stream)
        stream.close()
        with pytest.raises(BrokenPipeError, match="streams were closed"):
            sent.result(LIMIT_S)


def test_the_end_of_a_program_wakes_whoever_sends_to_it() -> None:
    with (
        in_hand(stdin=True) as (stream, program),
        beside(lambda: stream.send_line("x" * 1_000_000)) as sent,
    ):
        wait_until_full(stream)
        program.end()
        with pytest.raises(BrokenPipeError):
            sent.result(LIMIT_S)


def test_sending_after_the_end_is_an_error() -> None:
    with in_hand(stdin=True) as (stream, program):
        program.end()
        with pytest.raises(BrokenPipeError):
            stream.send_line("x")


@pytest.mark.parametrize("has_deadline", [True, False])
def test_closing_ends_a_reader(has_deadline: bool) -> None:
    deadline = time.monotonic() + 3600 if has_deadline else None
    with (
        in_hand() as (stream, program),
        beside(lambda: stream.read(limit=10, deadline=deadline)) as got,
    ):
        wait_until_used(stream)
        program.out(b"one")
        stream.close()
        assert got.result(LIMIT_S) in (b"one", b"")


def test_closing_ends_a_reader_of_lines() -> None:
    with in_hand() as (stream, program):
        lines = stream.lines(limit=10)
        program.out(b"one\n")
        assert next(lines) == b"one"
        with beside(lambda: list(lines)) as got:
            wait_until_used(stream)
            stream.close()
            assert got.result(LIMIT_S) == []


def test_nothing_is_read_or_sent_once_it_is_closed() -> None:
    with in_hand(stdin=True) as (stream, program):
        program.out(b"one")
        stream.close()
        stream.close()
        assert stream.read(limit=10, deadline=soon()) == b""
        with pytest.raises(BrokenPipeError, match="streams were closed"):
            stream.send_line("x")


def test_a_program_that_was_never_started_leaves_nothing_open() -> None:
    stream = PipeStream(stdin=True)
    assert len(stream.ends) == 3
    stream.close()
    assert not stream.ends


def test_no_other_program_gets_the_pipes() -> None:
    """Its streams would not end, otherwise."""
    with closing(PipeStream(stdin=True)) as stream:
        files = {*stream.ends, *stream.outputs}
        assert not any(map(os.get_inheritable, files))


def test_both_sides_at_once() -> None:
    """Neither stdout nor stderr may fill up while the other one is read."""
    script = "for n in $(seq 20); do head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; done"
    with running(script) as stream:
        assert len(stream.read(limit=10**7, deadline=soon())) == 20 * 60_000
