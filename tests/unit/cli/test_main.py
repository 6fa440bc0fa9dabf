"""The boundary: what becomes of exceptions."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from labctl import cli
from labctl.errors import (
    EngineError,
    InputError,
    LabError,
    ManyInputErrors,
    Terminated,
    UsageError,
    Where,
)
from tests.unit.cli.conftest import Labctl

Raising = Callable[[BaseException], tuple[int, str]]
HERE = Where(path=Path("a.yaml"), line=3, column=7)


@pytest.fixture
def raising(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Raising:
    """Runs a command line that ends with that exception; gives its exit code and stderr."""

    def run(error: BaseException) -> tuple[int, str]:
        def app(**_: object) -> None:
            raise error

        monkeypatch.setattr(cli, "app", app)
        done = labctl("run")
        assert done.out == ""
        return done.code, done.err

    return run


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(130)], ids=repr)
def test_once_interrupted_another_ctrl_c_changes_nothing(
    labctl: Labctl, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """One that comes while Python ends would end it by the signal."""
    handlers: list[object] = []

    def app(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(signal, "signal", lambda *given: handlers.append(given))
    assert labctl("run").code == 130
    assert handlers[0] == (signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("no such thing"), 2, "labctl: no such thing\n"),
        (UsageError("no such thing", hint="look"), 2, "labctl: no such thing\n  hint: look\n"),
        (InputError("is wrong", where=HERE), 3, "labctl: a.yaml:3: is wrong\n"),
        (EngineError("broke", hint="mend it"), 4, "labctl: broke\n  hint: mend it\n"),
        (EngineError("several\nlines"), 4, "labctl: several\nlines\n"),
        (
            RuntimeError("can't start new thread"),
            4,
            (
                "labctl: this machine lets labctl start no more threads\n"
                "  hint: this user may have too few processes: see `ulimit -u`\n"
            ),
        ),
        (LabError("odd"), 70, "labctl: odd\n"),
        (UsageError("\x1b[31mred\u202e\t\udcff"), 2, "labctl: \\x1b[31mred\\u202e\\t\\udcff\n"),
        (UsageError("grün"), 2, "labctl: grün\n"),
        (KeyboardInterrupt(), 130, ""),
        (Terminated(), 143, ""),
    ],
)
def test_what_is_said_and_the_exit_code(
    raising: Raising, error: BaseException, code: int, said: str
) -> None:
    assert raising(error) == (code, said)


def test_each_of_many_mistakes_is_a_message(raising: Raising) -> None:
    many = ManyInputErrors((InputError("one", where=HERE, hint="do"), InputError("two")))
    assert raising(many) == (3, "labctl: a.yaml:3: one\n  hint: do\nlabctl: two\n")


def test_a_message_is_one_line_however_narrow_the_terminal(
    raising: Raising, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal breaks it, if need be: then a path or a command can be copied whole."""
    monkeypatch.setenv("COLUMNS", "20")
    error = UsageError("there is no folder " + "x" * 200, hint="run: " + "labctl clean; " * 9)
    assert raising(error) == (2, f"labctl: {error}\n  hint: {error.hint}\n")


@pytest.mark.parametrize("error", [ValueError("oops"), OSError(errno.EIO, "oops")])
def test_a_bug_shows_where_it_is_and_asks_to_be_reported(
    raising: Raising, error: Exception
) -> None:
    code, said = raising(error)
    assert code == 70
    assert said.startswith("Traceback (most recent call last):\n")
    assert "oops" in said
    assert said.endswith("labctl: this is a bug in labctl: please report it with the above\n")
