"""How the probe treats the client's process: streams, environment, time, what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from labctl.probe.pipe_reader import KEPT_BYTES
from tests.forgeries import FORGERIES
from tests.unit.probe.conftest import Probe


def test_streams_are_kept_apart_and_flushed(probe: Probe) -> None:
    report = probe("""
        import sys
        sys.stdout.write("out")
        sys.stderr.write("err")
    """)
    assert (report["stdout"], report["stderr"]) == ("out", "err")


def test_python_is_the_version_that_ran(probe: Probe) -> None:
    report = probe("import sys\nsys.version.split()[0]")
    assert report["returned"] == repr(report["python"])
    assert report["probe"] == 1


def test_bytes_that_are_not_utf_8_arrive_escaped(this_probe: Probe) -> None:
    report = this_probe(r"import os; os.write(1, b'a\xffb\x00\x1b[2J\xc3\xa9')")
    assert report["stdout"] == "a\\xffb\x00\x1b[2Jé"


def test_of_much_output_head_and_tail_are_kept(this_probe: Probe) -> None:
    report = this_probe("""
        import os
        for name in (1, 2):
            os.write(name, b"first")
            for _ in range(8 << 10):
                os.write(name, b"x" * 1024)
            os.write(name, b"last")
    """)
    dropped = (8 << 20) + len("firstlast") - 2 * KEPT_BYTES
    for stream in ("stdout", "stderr"):
        assert report[stream].startswith("firstxxx")
        assert report[stream].endswith("xxxlast")
        assert f"x\n[... {dropped} bytes dropped ...]\nx" in report[stream]


def test_worst_output_and_worst_exception_stay_within_a_mebibyte(probe: Probe) -> None:
    raw = probe.raw(
        request("""
        import os, sys, threading
        for name in (1, 2):
            os.write(name, b"\\0" * (1 << 18))
        class Worst(Exception):
            def __repr__(self):
                return "\\U0001f600" * 5000
            __str__ = __repr__
        Worst.__qualname__ = Worst.__name__ = "\\U0001f600" * 5000
        def worst():
            error = Worst()
            for number in range(40):
                setattr(error, "\\U0001f600" * 90 + str(number), "\\0" * 5000)
            return error
        def fail():
            raise worst()
        for number in range(300):
            sys.audit("smtplib.connect", None, "\\0" * 300, "\\0" * 300)
        for number in range(20):
            threading.Thread(target=fail, name="\\0" * 300).start()
        error = None
        for number in range(80):
            last, error = error, worst()
            error.__cause__, error.__context__ = last, worst()
            error.__suppress_context__ = False
        raise error
    """)
    )
    assert 200 << 10 < len(raw) <= 1 << 20
    assert raw.isascii()
    assert raw.count(b"\n") == 1
    report = json.loads(raw)
    assert report["outcome"] == "raised"
    assert report["calls"]
    assert report["unhandled"]


def request(source: str) -> bytes:
    """The line of a request for that client."""
    fields = {
        "source": dedent(source),
        "filename": "/nowhere/c.py",
        "limit_s": 20.0,
        "most_s": 20.0,
        "env": {},
    }
    return json.dumps(fields).encode() + b"\n"


def test_request_of_megabytes_is_read(this_probe: Probe) -> None:
    report = this_probe(f"text = '{'é' * (1 << 20)}'\nlen(text)")
    assert report["returned"] == str(1 << 20)


def test_modules_are_imported_before_the_clients_time_begins(probe: Probe) -> None:
    source = "import sys\n'xmlrpc.client' in sys.modules, 'no_such_module' in sys.modules"
    modules = ("xmlrpc.client", "no_such_module", "socket")
    assert probe(source)["returned"] == "(False, False)"
    assert probe(source, imports=modules)["returned"] == "(True, False)"


def test_without_go_no_client_begins(this_probe: Probe, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    line = request(f"open({str(begun)!r}, 'w')")
    command = [this_probe.python, "-I", "-S", "-B", str(this_probe.folder / "__main__.py")]
    done = subprocess.run(command, input=line, capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"ready\n", b"", 0)
    assert not begun.exists()


def test_environment_is_added_to(this_probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT_BYTES", "1")
    source = "import os\nos.environ['LAB_HOST'], os.environ['KEPT_BYTES']"
    assert this_probe(source, env={"LAB_HOST": "é"})["returned"] == "('é', '1')"


def test_stdin_is_empty(this_probe: Probe) -> None:
    assert this_probe("import sys\nsys.stdin.read()")["returned"] == "''"


def test_limit_ends_the_client_in_time(this_probe: Probe) -> None:
    report = this_probe("print('here', flush=True)\nwhile True: pass", limit_s=0.5)
    assert report["outcome"] == "timed-out"
    assert report["stdout"] == "here\n"
    assert report["elapsed_s"] >= 0.5
    assert report["elapsed_s"] - report["starved_s"] < 1
    assert (report["exit"], report["signal"]) == (None, None)


def test_a_client_has_few_open_files_and_dumps_no_core(this_probe: Probe) -> None:
    report = this_probe("""
        import resource
        [resource.getrlimit(one) for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]
    """)
    assert report["returned"] == "[(256, 256), (0, 0)]"


def test_messages_that_hang_get_two_seconds(this_probe: Probe) -> None:
    started = time.monotonic()
    report = this_probe("""
        class Odd(Exception):
            def __str__(self):
                while True: pass
        raise Odd from KeyError("plain")
    """)
    assert time.monotonic() - started >= 2
    assert report["outcome"] == "raised"
    assert report["exception"]["message"] is None
    assert report["exception"]["cause"]["message"] == "'plain'"


def test_grandchildren_are_neither_waited_for_nor_left(
    this_probe: Probe, is_running: Callable[[int], bool]
) -> None:
    started = time.monotonic()
    report = this_probe("""
        import subprocess, sys
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        process.pid
    """)
    assert time.monotonic() - started < 30
    deadline = time.monotonic() + 5
    while is_running(int(report["returned"])) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(int(report["returned"]))


def test_copy_of_the_client_does_not_report(this_probe: Probe) -> None:
    report = this_probe("""
        import os
        child = os.fork()
        if child == 0:
            raise RuntimeError("in the copy")
        os._exit(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
    """)
    assert (report["outcome"], report["exit"]) == ("exited", 1)


def test_pipes_held_open_by_what_got_away_are_not_waited_for(this_probe: Probe) -> None:
    started = time.monotonic()
    report = this_probe("""
        import subprocess, sys
        command = [sys.executable, "-c", "import time; time.sleep(5)"]
        subprocess.Popen(command, start_new_session=True)
        print("done")
    """)
    assert time.monotonic() - started < 4
    assert (report["stdout"], report["exit"]) == ("done\n", 0)


def test_scribbled_report_is_garbled(this_probe: Probe) -> None:
    report = this_probe("""
        import gc, mmap, os
        for item in gc.get_objects():
            sheet = getattr(item, "_memory", None)
            if isinstance(sheet, mmap.mmap):
                sheet[:] = b"\\x01" * len(sheet)
        os._exit(0)
    """)
    assert report["outcome"] == "garbled"
    assert report["exit"] == 0


def test_source_is_written_where_the_filename_says(this_probe: Probe, tmp_path: Path) -> None:
    source = "open(__file__).read()"
    report = this_probe(source, filename=str(tmp_path / "client.py"))
    assert report["returned"] == repr(source)


def test_files_are_never_overwritten(this_probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "client.py"
    path.write_text("precious", "utf-8")
    this_probe("x = 1", filename=str(path))
    assert path.read_text("utf-8") == "precious"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "ValueError: not a JSON document"),
        (b"not JSON\n", "ValueError: not a JSON document"),
        (b"{}{}\n", "ValueError: more than one JSON document: '{}'"),
    ],
)
def test_bad_request_is_no_report(this_probe: Probe, line: bytes, error: str) -> None:
    report, complaint, status = this_probe.run(line)
    assert (report, status) == (b"", 1)
    assert complaint.decode().splitlines()[-1] == error


TAMPERING = {
    "wrote to the probe's own descriptor": """
        import os
        for fd in range(3, 20):
            try:
                os.write(fd, b'{"probe": 1}')
            except OSError:
                pass
    """,
    "wrote a report of its own into the probe's memory": """
        import os
        with open("/proc/self/maps") as maps:
            start = next(int(line.split("-")[0], 16) for line in maps if "memfd:labctl" in line)
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            third = start + memory.read(1 << 16).index(b"\\n") + 1 + 2 * 240 * 1024
            memory.seek(third)
            memory.write((2).to_bytes(8, "little") + bytes(16) + b"{}")
    """,
    "looked for the probe's objects with gc.get_objects or gc.get_referrers": """
        import gc
        gc.get_objects()
    """,
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_told_and_the_report_is_the_probe_s(what: str, probe: Probe) -> None:
    report = probe(TAMPERING[what])
    assert report["tampered"] == [what]
    assert report["outcome"] == "returned"


def test_closing_every_descriptor_is_no_tampering(probe: Probe) -> None:
    report = probe(
        "import os\nos.closerange(3, 100)\n[open('/dev/null') for _ in range(5)][0].name"
    )
    assert report["tampered"] == []
    assert report["returned"] == "'/dev/null'"


def test_the_forgery_that_searches_for_the_probe_still_finds_it(this_probe: Probe) -> None:
    """It goes by names inside the probe. Without them it would fail, and show nothing."""
    (forgery,) = (one for one in FORGERIES if one.name == "finds-the-probe-with-gc")
    report = this_probe(forgery.source.replace('"closed.lab"', '"127.0.0.1"'))
    assert report["outcome"] == "raised"
    assert report["elapsed_s"] == 0.01
