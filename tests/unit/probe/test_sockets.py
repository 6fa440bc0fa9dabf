"""The sockets that are still open when the client's code has ended."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from labctl.probe.sockets import _peer, forget_tracebacks
from tests.unit.probe.conftest import Probe


@pytest.fixture
def port() -> Iterator[int]:
    """A port of 127.0.0.1 where the kernel takes connections, and nobody says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


def left_open(probe: Probe, source: str, port: int = 0) -> list[str] | None:
    """What is said of a client for which `address` is there."""
    head = f'import socket\naddress = ("127.0.0.1", {port})\n'
    found: list[str] | None = probe(head + source)["sockets"]
    return found


def test_no_socket_at_all(probe: Probe) -> None:
    assert probe("x = 1")["sockets"] == []


def test_closed(probe: Probe, port: int) -> None:
    assert left_open(probe, "with socket.create_connection(address): pass", port) == []


def test_held_by_a_global(probe: Probe, port: int) -> None:
    assert left_open(probe, "s = socket.create_connection(address)", port) == [
        f"tcp 127.0.0.1:{port}"
    ]


@pytest.mark.parametrize(
    "tail",
    [
        "1 / 0",
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
    ],
)
def test_what_only_the_traceback_holds_is_closed(probe: Probe, port: int, tail: str) -> None:
    source = f"def f():\n    s = socket.create_connection(address)\n    {tail}\nf()\n"
    assert left_open(probe, source, port) == []


CHAINED = """
def inner():
    s = socket.create_connection(address)
    raise ValueError
def outer():
    try:
        inner()
    except ValueError as error:
        {raises}
outer()
"""


@pytest.mark.parametrize(
    "raises",
    [
        "raise KeyError from error",
        "raise KeyError from None",
        "raise KeyError",
        "raise SystemExit(2)",
        "raise BaseExceptionGroup('', [error]) if BaseExceptionGroup else error",
    ],
)
def test_so_it_is_where_exceptions_are_chained(probe: Probe, port: int, raises: str) -> None:
    group = "BaseExceptionGroup = getattr(__builtins__, 'BaseExceptionGroup', None)\n"
    assert left_open(probe, group + CHAINED.format(raises=raises), port) == []


def test_one_that_was_kept_to_be_raised_later(probe: Probe, port: int) -> None:
    """The frame is in the traceback of what its own variable holds: only a collection ends that."""
    source = """
def call():
    for _ in range(2):
        try:
            s = socket.create_connection(address)
            raise OSError
        except OSError as error:
            last = error
    raise last
call()
"""
    assert left_open(probe, source, port) == []


def test_what_the_exception_itself_holds_goes_with_it(probe: Probe, port: int) -> None:
    source = """
class Failed(OSError):
    def __init__(self):
        self.connection = socket.create_connection(address)
raise Failed
"""
    assert left_open(probe, source, port) == []


def test_a_cycle_of_the_client_s_own_holds_it(probe: Probe, port: int) -> None:
    source = """
class Client:
    def __init__(self):
        self.me, self.socket = self, socket.create_connection(address)
def f():
    Client()
f()
"""
    assert left_open(probe, source, port) == [f"tcp 127.0.0.1:{port}"]


def test_what_is_returned_is_dropped(probe: Probe, port: int) -> None:
    report = probe(f'import socket\nsocket.create_connection(("127.0.0.1", {port}))')
    assert report["returned"].startswith("<socket.socket fd=")
    assert report["sockets"] == []


def test_one_that_was_refused_has_no_address(probe: Probe, refused_port: int) -> None:
    source = "s = socket.socket()\ns.connect(address)"
    assert left_open(probe, source, refused_port) == ["tcp (not connected)"]


def test_datagrams(this_probe: Probe) -> None:
    source = """
s, t = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
s.connect(("127.0.0.1", 53))
"""
    assert left_open(this_probe, source) == ["udp 127.0.0.1:53", "udp (not connected)"]


def test_six() -> None:
    class Connected:
        def getpeername(self) -> tuple[str, int, int, int]:
            return ("2001:db8::1", 25, 0, 0)

    assert _peer(Connected()) == "[2001:db8::1]:25"


def test_others_than_of_the_internet_do_not_count(this_probe: Probe) -> None:
    assert left_open(this_probe, "pair = socket.socketpair()") == []
    assert this_probe("import asyncio\nloop = asyncio.new_event_loop()")["sockets"] == []


def test_many_are_bounded(this_probe: Probe, port: int) -> None:
    source = "all = [socket.create_connection(address) for _ in range(20)]"
    assert left_open(this_probe, source, port) == [f"tcp 127.0.0.1:{port}"] * 16


def test_all_descriptors_used_up(this_probe: Probe) -> None:
    report = this_probe("""
        import resource, socket
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        all = []
        while True:
            all.append(socket.socket())
    """)
    assert report["exception"]["symbols"] == {"errno": "EMFILE"}
    assert report["sockets"] == ["tcp (not connected)"] * 16


def test_atexit_functions_and_threads_may_close_theirs(this_probe: Probe, port: int) -> None:
    source = """
import atexit, threading, time
s = socket.create_connection(address)
atexit.register(s.close)
def later():
    with socket.create_connection(address):
        time.sleep(0.05)
threading.Thread(target=later).start()
"""
    assert left_open(this_probe, source, port) == []


def test_one_that_is_opened_at_the_very_end(this_probe: Probe, port: int) -> None:
    source = """
import atexit
def open_one():
    global s
    s = socket.create_connection(address)
atexit.register(open_one)
"""
    assert left_open(this_probe, source, port) == [f"tcp 127.0.0.1:{port}"]


STREAMS = """
import asyncio
async def main():
    reader, writer = await asyncio.open_connection(*address)
    {tail}
asyncio.run(main())
"""


def test_streams_must_be_closed(probe: Probe, port: int) -> None:
    closed = STREAMS.format(tail="writer.close(); await writer.wait_closed()")
    assert left_open(probe, closed, port) == []


def test_a_task_whose_error_nobody_fetched_is_told_once(probe: Probe, port: int) -> None:
    tail = """async def fail(): raise ValueError
    task = asyncio.ensure_future(fail())
    await asyncio.sleep(0.01)
    raise KeyError"""
    report = probe(
        f'address = ("127.0.0.1", {port})\nimport socket\ns = socket.socket()\n'
        + STREAMS.format(tail=tail)
    )
    assert [one["exception"]["type"] for one in report["unhandled"]] == ["ValueError"]


def test_destructors_that_fail_then_are_no_news(this_probe: Probe, port: int) -> None:
    report = this_probe(f"""
        import socket
        class Odd:
            def __del__(self): raise KeyError("del")
        def f():
            s, odd = socket.create_connection(("127.0.0.1", {port})), Odd()
            1 / 0
        f()
    """)
    assert (report["sockets"], report["unhandled"], report["stderr"]) == ([], [], "")
    assert report["exit"] == 1


def test_who_breaks_what_it_takes_is_not_told_of(this_probe: Probe) -> None:
    broken = "import sys\ns = socket.socket()\nsys.modules['_socket'] = None"
    assert left_open(this_probe, broken) is None


def test_who_never_ends_is_not_told_of(this_probe: Probe) -> None:
    report = this_probe(
        "import atexit, socket, time\ns = socket.socket()\natexit.register(time.sleep, 60)",
        limit_s=0.5,
    )
    assert (report["exit"], report["sockets"]) == (None, None)


def test_a_long_chain_is_not_taken_down(this_probe: Probe) -> None:
    source = """
s, last = socket.socket(), None
for number in range(50000):
    error = ValueError(number)
    error.__context__ = last
    last = error
raise last
"""
    report = this_probe("import socket\n" + source)
    assert (report["sockets"], report["exit"], report["signal"]) == (None, 1, None)


def test_every_traceback_of_a_chain_is_forgotten() -> None:
    one, two, three, four = (caught(number) for number in range(4))
    one.__cause__, two.__suppress_context__, two.__context__ = two, True, three
    group = ExceptionGroup("", [one, four])
    four.__context__ = one
    assert all(error.__traceback__ for error in (one, two, three, four))
    assert forget_tracebacks(group)
    assert not any(error.__traceback__ for error in (one, two, three, four))


def caught(number: int) -> ValueError:
    """An exception that was raised."""
    try:
        raise ValueError(number)  # noqa: TRY301 it is caught right here
    except ValueError as error:
        return error
