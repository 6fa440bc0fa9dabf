"""Where exceptions come from: whose code, and how, on every Python."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.probe.conftest import Probe

CLIENT = {
    "raise": ('raise ConnectionRefusedError(111, "refused")', "raise"),
    "raised after another": ("try: 1 / 0\nexcept Exception as e: raise OSError from e", "raise"),
    "assert": ("assert False", "raise"),
    "call": ('open("/not/there")', "call"),
    "called and raised again": ('try: open("/no")\nexcept OSError as e: raise e', "call"),
    "called and passed on": ('try: open("/no")\nexcept OSError: raise', "call"),
    "passed on by with": ('import threading\nwith threading.Lock(): open("/no")', "call"),
    "an operator": ("1 / 0", "call"),
    "thrown into a fresh generator": ("(x for x in 'x').throw(OSError())", "throw"),
    "thrown into a generator": ("g = (x for x in 'xy')\nnext(g)\ng.throw(OSError())", "throw"),
    "thrown into a coroutine": (
        """
async def wait():
    await It()
class It:
    def __await__(self):
        return iter("x")
coroutine = wait()
coroutine.send(None)
coroutine.throw(OSError())
        """,
        "throw",
    ),
}


@pytest.mark.parametrize("what", CLIENT)
def test_in_the_client_s_code(what: str, probe: Probe) -> None:
    source, how = CLIENT[what]
    origin = probe(f"{source}\n")["exception"]["origin"]
    assert (origin["client"], origin["how"], origin["under"]) == (True, how, "")


def test_in_the_library(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import urllib.request
        urllib.request.urlopen("http://127.0.0.1:{refused_port}/")
    """)
    outer, inner = report["exception"], report["exception"]["context"]
    assert _origin(outer) == (False, "raise", "urllib.request:AbstractHTTPHandler.do_open")
    assert _origin(inner) == (False, "call", "socket:create_connection")


def test_in_what_the_client_put_in_its_place(probe: Probe) -> None:
    report = probe("""
        import socket
        class Socket(socket.socket):
            def connect(self, address):
                open("/not/there")
        socket.socket = Socket
        socket.create_connection(("127.0.0.1", 9))
    """)
    assert _origin(report["exception"]) == (True, "call", "socket:create_connection")
    assert report["exception"]["origin"]["line"] == 5


def test_of_what_was_never_raised_there_is_none(probe: Probe) -> None:
    report = probe("raise OSError from ValueError()")
    assert report["exception"]["cause"]["origin"] is None


def _origin(exception: dict[str, Any]) -> tuple[bool, str, str]:
    origin = exception["origin"]
    return origin["client"], origin["how"], origin["under"]
