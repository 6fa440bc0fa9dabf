"""The time line of the client's calls."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.unit.probe.conftest import Probe

_BYTECODE = shutil.ignore_patterns("__pycache__")
_SLOW_HOOKS = """
import time as _time
_add_hook = sys.addaudithook
def _slowly(hook):
    _add_hook(hook)
    _time.sleep(0.5)
sys.addaudithook = _slowly
"""
"""Code that adds an audit hook as slowly as a machine that has much else to do."""


def test_refused_connection(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import smtplib, time
        time.sleep(0.1)
        smtplib.SMTP("127.0.0.1", {refused_port})
    """)
    calls = [(call["event"], call["args"]) for call in report["calls"]]
    assert calls == [
        ("smtplib.connect", ["127.0.0.1", refused_port]),
        ("socket.getaddrinfo", ["127.0.0.1", refused_port]),
        ("socket.connect", ["127.0.0.1", refused_port]),
    ]
    times = [call["at_s"] for call in report["calls"]]
    assert times == sorted(times)
    assert 0.1 <= times[0] <= times[-1] <= report["elapsed_s"]


def test_no_call_is_later_than_the_exception_that_it_led_to(folder: Path, tmp_path: Path) -> None:
    slow = shutil.copytree(folder, tmp_path / "labctl" / "probe", ignore=_BYTECODE)
    with (slow / "calls.py").open("a") as calls:
        calls.write(_SLOW_HOOKS)
    probe = Probe(sys.executable, slow, sys.version_info[1])
    report = probe("""
        import socket, time
        before = time.time_ns()
        try:
            socket.getaddrinfo("127.0.0.1", "no port")
        except OSError:
            raise LookupError(before)
    """)
    [call] = report["calls"]
    assert call["at_s"] <= report["elapsed_s"]
    # Packets have times of this clock.
    before_s = (int(report["exception"]["message"]) - report["started_ns"]) / 1e9
    assert before_s <= call["at_s"] < before_s + 0.5


def test_request_of_urllib(probe: Probe, refused_port: int) -> None:
    url = f"http://127.0.0.1:{refused_port}/"
    report = probe(f"import urllib.request\nurllib.request.urlopen({url!r}, data=b'x')")
    assert report["calls"][0]["event"] == "urllib.Request"
    assert report["calls"][0]["args"] == [url, "POST"]


def test_asyncio_connects(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import asyncio
        asyncio.run(asyncio.open_connection("127.0.0.1", {refused_port}))
    """)
    assert ("socket.connect", ["127.0.0.1", refused_port]) in [
        (call["event"], call["args"]) for call in report["calls"]
    ]


def test_datagram_to_ipv6_shows_host_and_port(this_probe: Probe) -> None:
    report = this_probe("""
        import socket
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("::1", 9, 0, 0))
    """)
    assert report["calls"][0]["event"] == "socket.sendto"
    assert report["calls"][0]["args"] == ["::1", 9]


def test_objects_of_the_client_are_never_asked(this_probe: Probe) -> None:
    report = this_probe("""
        import smtplib
        class Odd:
            def __repr__(self): raise SystemError
        smtplib.SMTP().connect(Odd(), 1)
    """)
    assert report["exception"]["type"] == "TypeError"
    args = {call["event"]: call["args"] for call in report["calls"]}
    assert args["smtplib.connect"] == ["<Odd>", 1]


def test_many_are_bounded(this_probe: Probe) -> None:
    report = this_probe("""
        import socket
        with socket.socket() as s:
            for port in range(400):
                try:
                    s.bind(("192.0.2.1", port))
                except OSError:
                    pass
    """)
    assert len(report["calls"]) == 256


def test_calls_of_threads_that_outlive_main_are_there(this_probe: Probe) -> None:
    report = this_probe("""
        import socket, threading, time
        def later():
            time.sleep(0.1)
            socket.getaddrinfo("127.0.0.1", 1)
        threading.Thread(target=later).start()
    """)
    assert [call["event"] for call in report["calls"]] == ["socket.getaddrinfo"]


def test_each_call_tells_from_where(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import smtplib, socket
        try:
            socket.socket().connect(("127.0.0.1", {refused_port}))
        except OSError:
            pass
        class Mine(smtplib.SMTP):
            def _get_socket(self, *args):
                return super()._get_socket(*args)
        Mine("127.0.0.1", {refused_port})
    """)
    mine, *_, last = [call for call in report["calls"] if call["event"] == "socket.connect"]
    assert (mine["stack"], mine["line"]) == ([], 4)
    assert last["stack"] == [f"{f['module']}:{f['qualname']}" for f in report["stack"]]
    assert last["line"] == report["stack"][-1]["line"]
    assert last["stack"][-1] == "socket:create_connection"


def test_made_up_frames_are_no_part_of_it(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import socket, types
        code = socket.create_connection.__code__
        made = types.FunctionType(code, dict(socket.__dict__), "x", (None,) * 3)
        made.__kwdefaults__ = socket.create_connection.__kwdefaults__
        made(("127.0.0.1", {refused_port}), 5)
    """)
    [call] = [call for call in report["calls"] if call["event"] == "socket.connect"]
    assert call["stack"] == []


def test_calls_that_are_too_many_are_counted(probe: Probe) -> None:
    report = probe("""
        import socket
        for n in range(300):
            try:
                socket.socket(socket.AF_UNIX).connect("/nobody")
            except OSError:
                pass
    """)
    assert len(report["calls"]) + report["omitted_calls"] == 300
    assert len(report["calls"]) == 256
