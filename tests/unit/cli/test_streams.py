"""Wherever stdout goes: a pipe that closes, nowhere, a full disk, an old terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from labctl.__main__ import BUG
from labctl.load.bundled import bundled_folder
from tests.unit.cli.conftest import LIMIT_S, command, process
from tests.unit.load.texts import SCENARIO, write

REFUSED = str(bundled_folder("scenarios") / "tcp" / "refused-port.yaml")
PRINTING = (["list"], ["list", "--json"], ["show", "refused-port"], ["schema"], ["--help"])
printing = pytest.mark.parametrize("verb", PRINTING, ids=" ".join)


def into(stdout: int, *args: str) -> tuple[int, str]:
    """Exit code and stderr of a labctl with that for its stdout."""
    done = subprocess.run(
        command(*args), stdout=stdout, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False
    )
    return done.returncode, done.stderr.decode()


@printing
def test_a_reader_that_has_gone(verb: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        code, err = into(writer, *verb)
    finally:
        os.close(writer)
    assert (code, err) == (1, "")


@printing
def test_a_full_disk(verb: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, err = into(full.fileno(), *verb)
    expected = "labctl: the output cannot be written: no space is left where it goes\n"
    assert (code, err) == (2, expected)


@printing
def test_a_stdout_that_is_closed(verb: list[str]) -> None:
    script = '"$0" "$@" >&-'
    done = subprocess.run(
        ["sh", "-c", script, *command(*verb)],
        stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stderr_that_is_closed() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" "$@" 2>&-', *command("show", "zebra")],
        stdout=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")


def test_a_reader_of_errors_that_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command("show", "zebra"), stderr=writer, timeout=LIMIT_S, check=False)
    os.close(writer)
    assert done.returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_an_encoding_that_lacks_characters(encoding: str) -> None:
    done = subprocess.run(
        command("show", "refused-port"), capture_output=True, timeout=LIMIT_S, check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert "closed (closed.lab)" in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    "verb",
    [
        ["list"],
        ["list", "--json"], ["show", "refused-port"], ["explain", "ConnectionResetError"],
        ["validate", REFUSED],
        ["exercise", "list"], ["exercise", "show", "mail-once"], ["images", "--help"], ["schema"],
        ["--help"], ["show", "zebra"], ["run", "refused-port"], ["doctor"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_verb_that_prints_on_a_console_of_windows(verb: list[str]) -> None:
    done = subprocess.run(
        command(*verb), capture_output=True, timeout=LIMIT_S, check=False,
        env={
            **os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "LC_ALL": "C",
            "DOCKER_HOST": "tcp://127.0.0.1:9",
        },
    )  # fmt: skip
    assert done.returncode != BUG, done.stderr
    said = (done.stdout + done.stderr).decode("cp1252")
    assert said
    assert "Traceback" not in said
    assert "\\u" not in said or verb[0] == "list"


def test_a_name_that_the_encoding_lacks() -> None:
    write("ж.yaml", SCENARIO)
    done = process("validate", "ж.yaml", PYTHONIOENCODING="latin-1")
    assert (done.code, done.out) == (0, "\\u0436.yaml: ok\n")


def on_terminal(*args: str, **env: str) -> str:
    """What a labctl writes to a terminal of 80 columns."""
    master, slave = pty.openpty()
    with open(master, "rb", buffering=0) as screen:  # noqa: PTH123 it is a number
        run = subprocess.Popen(
            command(*args), stdout=slave, stderr=slave, stdin=slave,
            env={**os.environ, "TERM": "xterm-256color", **env},
        )  # fmt: skip
        os.close(slave)
        written = b""
        try:
            while chunk := screen.read(65536):
                written += chunk
        except OSError:
            pass  # Linux says so where the last writer has gone.
        assert run.wait(LIMIT_S) == 0
    return written.decode()


def test_colours_on_a_terminal_unless_they_are_not_wanted() -> None:
    assert "\x1b[" in on_terminal("show", "refused-port")
    plain = on_terminal("show", "refused-port", NO_COLOR="1")
    assert not any(f"\x1b[{colour}m" in plain for colour in range(30, 50))


def test_no_colours_in_a_pipe() -> None:
    assert "\x1b" not in process("show", "refused-port").out
    assert "\x1b" not in process("show", "refused-port", FORCE_COLOR="").out


def test_the_bundled_files_are_found_from_everywhere() -> None:
    assert bundled_folder("scenarios").is_absolute()
    assert process("list").code == 0
