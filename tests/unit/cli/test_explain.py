"""labctl explain: what it reads, what it names, and what it says where there is nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import LIMIT_S, Labctl, command
from tests.unit.explain.test_parse import REFUSED
from tests.unit.load.texts import write


def explained(labctl: Labctl, *args: str) -> dict[str, Any]:
    done = labctl("explain", "--json", *args)
    assert done.code == 0
    found: dict[str, Any] = json.loads(done.out)
    return found


def names(document: dict[str, Any]) -> list[str]:
    return [one["scenario"] for one in document["candidates"]]


def piped(data: bytes, *args: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command("explain", *args), input=data, capture_output=True, timeout=LIMIT_S, check=False
    )


def test_a_traceback_in_a_file(labctl: Labctl) -> None:
    write("app.log", f"INFO: up\n{REFUSED}INFO: down\n")
    done = labctl("explain", "app.log", "-n", "2")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "  its number is ECONNREFUSED",
        "  through smtplib:__init__, socket:create_connection",
    ]
    text = " ".join(done.out.split())
    for part in (
        "1. refused-port: Nothing listens on the port",
        "fits: client smtplib: ConnectionRefusedError with errno ECONNREFUSED; through",
        "run: labctl run refused-port --attempt smtplib",
        "What tells them apart:",
        "wire: a RST answers the SYN to closed.lab:2525 servers: nothing",
        "wire: a RST answers the SYN to 127.0.0.1:464 servers: nothing",
    ):
        assert part in text


def test_a_name(labctl: Labctl) -> None:
    found = explained(labctl, "ConnectionRefusedError")
    assert found["exception"]["type"] == "ConnectionRefusedError"
    assert {"refused-port", "book-port-66000"} <= set(names(found))
    assert names(found)[0] == "refused-port"
    assert "unresolvable-host" in names(explained(labctl, "gaierror"))
    assert "unresolvable-host" in names(explained(labctl, "socket.gaierror: [Errno -2] ?"))


def test_a_base_of_what_is_raised(labctl: Labctl) -> None:
    found = explained(labctl, "ConnectionError")
    assert "refused-port" in names(found)
    because = found["candidates"][0]["because"]
    assert because == ["ConnectionRefusedError is a kind of ConnectionError"]


def test_how_many(labctl: Labctl) -> None:
    found = explained(labctl, "ConnectionRefusedError", "-n", "1")
    assert len(found["candidates"]) == 1
    assert found["more"] >= 1
    told = labctl("explain", "ConnectionRefusedError", "-n", "1").out.splitlines()[-1]
    total = found["more"] + 1
    more = "1 scenario" if found["more"] == 1 else f"{found['more']} scenarios"
    assert told == f"{more} more: -n {total} shows them all"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_stdin(encoding: str) -> None:
    data = f"{REFUSED}Zürich\n".encode(encoding)
    for args in ((), ("-",)):
        done = piped(data, *args)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"labctl run refused-port" in done.stdout
    assert piped(b"\xff\xfe\x00" + data).returncode in (0, 2)


def test_the_python_that_it_takes(labctl: Labctl) -> None:
    """A variant that the usual Python never meets is shown on the newest one that does."""
    text = 'File "/usr/lib/python3.9/asyncio/{}.py", line 1, in {}\n'
    frames = (("runners", "run"), ("base_events", "run_until_complete"), ("tasks", "wait_for"))
    cancelled = "asyncio.exceptions.CancelledError\n\nThe above exception was the direct cause"
    stack = "".join(f"  {text.format(*frame)}" for frame in frames)
    write(
        "old.log",
        f"{cancelled} of the following exception:\n\n{stack}asyncio.exceptions.TimeoutError\n",
    )
    first = explained(labctl, "old.log")["candidates"][0]
    assert (first["attempt"], first["python"]) == ("asyncio", "3.11")
    assert first["command"] == "labctl run dns-timeout --attempt asyncio --python 3.11"


def test_the_last_of_several(labctl: Labctl) -> None:
    write("app.log", f"{REFUSED}\n{REFUSED.replace('111', '113')}")
    done = labctl("explain", "app.log")
    assert done.err == "labctl: there are 2 tracebacks; this is the last\n"
    assert "[Errno 113]" in done.out


def test_what_no_scenario_raises(labctl: Labctl) -> None:
    done = labctl("explain", "ZeroDivisionError")
    assert (done.code, done.out) == (0, "")
    assert done.err == "labctl: no scenario raises ZeroDivisionError or what it came from\n"
    assert explained(labctl, "ZeroDivisionError")["candidates"] == []


def test_nothing_to_explain(labctl: Labctl) -> None:
    hint = "  hint: give an exception's name, a file with a traceback, or - and pipe the traceback"
    write("empty.log", "INFO: all is well\n")
    meant = '; did you mean "ConnectionResetError"?'
    for what, message in (
        ("empty.log", "there is no traceback and no exception in empty.log"),
        ("zebra", "there is no file zebra, and no exception is called so"),
        (
            "ConnectionResetEror",
            f"there is no file ConnectionResetEror, and no exception is called so{meant}",
        ),
    ):
        done = labctl("explain", what)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"labctl: {message}\n{hint} in\n"
    nothing = piped(b"")
    assert nothing.returncode == 2
    assert nothing.stderr.startswith(b"labctl: there is no traceback and no exception in stdin\n")


def test_what_a_client_says_can_steer_no_terminal(labctl: Labctl) -> None:
    Path("app.log").write_text(
        REFUSED.replace("refused\n", "refused \x1b]0;owned\x07\u202e\n"), encoding="utf-8"
    )
    out = labctl("explain", "app.log").out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_it_is_quick() -> None:
    """It imports nothing that draws or runs, and no module that a traceback names."""
    heavy = ("docker", "rich.console", "labctl.model.result", "asyncio", "ssl", "http.client")
    code = (
        "import sys; sys.argv = ['labctl', 'explain', 'ssl.SSLError']\n"
        "from labctl.__main__ import main\n"
        "try: main()\n"
        f"except SystemExit: print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_files_that_have_none_of_its_words_are_not_parsed(labctl: Labctl) -> None:
    write("mine/broken.yaml", "name: [ ZeroDivisionError\n")
    assert labctl("explain", "ConnectionRefusedError", "--scenarios", "mine").code == 0
    assert labctl("explain", "ZeroDivisionError", "--scenarios", "mine").code == 3
