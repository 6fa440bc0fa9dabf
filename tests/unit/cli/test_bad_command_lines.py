"""Every wrong command line is told with exit code 2 and a hint, and no engine is asked."""

# ruff: noqa: E501 a command line and its message are one row of a table

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.scenario import load_scenario
from tests.unit.cli.conftest import Done, Labctl, Listener
from tests.unit.load.texts import SCENARIO, write

LIST = "`labctl list` shows them all; a file is given as a path, like ./mine.yaml"
PYTHONS = "there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, and all"
WRITABLE = "give --json a file in a folder that you may write to"
CLIENTS = "the attempts there are: " + ", ".join(
    attempt.name
    for attempt in load_scenario(
        bundled_folder("scenarios") / "tcp" / "refused-port.yaml", builtin_compose=bundled_compose()
    ).attempts
)


def told(done: Done, engine: Listener) -> str:
    """What was said on stderr; nothing else was done."""
    assert done.code == 2, done
    assert done.out == ""
    assert not engine.was_asked
    return done.err


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        ("run refused-prt", 'no scenario is called "refused-prt"; did you mean "refused-port"?', LIST),
        ("run zebra", 'no scenario is called "zebra"', LIST),
        ("show refused-prt", 'no scenario is called "refused-prt"; did you mean "refused-port"?', LIST),
        ("validate zebra", 'no scenario is called "zebra"', LIST),
        ("run --tag cor", 'no scenario has the tag cor; did you mean "core"?', "there are core, essential"),
        ("run refused-port --tag zebra", "no scenario has the tag zebra", "there are core, essential"),
        ("list --tag cor", 'no scenario has the tag cor; did you mean "core"?', "there are core, essential"),
        ("run refused-port --attempt sockt", "no selected scenario has an attempt called sockt; did you mean socket?", CLIENTS),
        ("run refused-port --attempt zebra", "no selected scenario has an attempt called zebra", CLIENTS),
        ("run --python 3.8", "no client image has Python '3.8'", PYTHONS),
        ("run --python 3.9,3.99", "no client image has Python '3.99'", PYTHONS),
        ("run --python ,", "no client image has Python ','", PYTHONS),
        ("run --json none/result.json", "cannot write none/result.json", WRITABLE),
        ("run --json .", "cannot write .", WRITABLE),
        (f"run --json {'x' * 300}/a", f"cannot write {'x' * 300}/a", WRITABLE),
        ("run --scenarios .", "there is no scenario in .", "a scenario is a file like NAME.yaml, in the folder or below it"),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_not_there(
    labctl: Labctl, engine: Listener, args: str, message: str, hint: str
) -> None:
    done = labctl(*args.split())
    assert told(done, engine) == f"labctl: {message}\n  hint: {hint}\n"


def test_two_scenarios_of_one_name(labctl: Labctl, engine: Listener) -> None:
    write("mine.yaml", SCENARIO)
    write("other.yaml", SCENARIO)
    expected = (
        "labctl: two scenarios are called mine: mine.yaml and other.yaml\n"
        "  hint: rename one of the two, or run them one after the other\n"
    )
    assert told(labctl("run", "mine.yaml", "other.yaml"), engine) == expected


@pytest.mark.parametrize("file", [True, False], ids=["file", "folder"])
def test_a_document_where_nobody_may_write(
    labctl: Labctl, engine: Listener, monkeypatch: pytest.MonkeyPatch, file: bool
) -> None:
    if file:
        write("result.json", "")
    refused = Path("result.json" if file else ".")
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (refused, os.W_OK))
    expected = f"labctl: cannot write result.json\n  hint: {WRITABLE}\n"
    assert told(labctl("run", "--json", "result.json"), engine) == expected


def test_a_folder_for_captures_that_is_a_file(
    labctl: Labctl, engine: Listener, folder: Path
) -> None:
    write("captures", "")
    expected = (
        "labctl: cannot write captures to captures: File exists\n"
        "  hint: give --pcap a folder that you may write to\n"
    )
    assert told(labctl("run", "--pcap", "captures"), engine) == expected
    assert list(folder.iterdir()) == [folder / "captures"]


@pytest.mark.parametrize(
    ("args", "verb", "parts"),
    [
        ("rnu", "labctl", ["No such command 'rnu'", "Did you mean 'run'?"]),
        ("run --jbos 3", "labctl run", ["No such option", "--jbos", "--jobs"]),
        ("run --jobs 0", "labctl run", ["'--jobs'", "greater than or equal to 1"]),
        ("run --jobs 65", "labctl run", ["'--jobs'", "less than or equal to 64"]),
        ("run --jobs many", "labctl run", ["'--jobs'", "integer"]),
        ("run --repeat 0", "labctl run", ["'--repeat'", "greater than or equal to 1"]),
        ("run --repeat 2.5", "labctl run", ["'--repeat'", "integer"]),
        ("run --timeout 0", "labctl run", ["'--timeout'", "greater than or equal to 0.1"]),
        ("run --timeout inf", "labctl run", ["'--timeout'", "less than or equal to 3600"]),
        ("run --timeout nan", "labctl run", ["'--timeout'"]),
        ("run --timeout soon", "labctl run", ["'--timeout'", "number"]),
        ("run --scenarios none", "labctl run", ["'--scenarios'", "'none' does not exist"]),
        (f"list --scenarios {'x' * 300}", "labctl list", ["'--scenarios'", "does not exist"]),
        ("show", "labctl show", ["Missing argument"]),
        ("show a b", "labctl show", ["unexpected extra argument"]),
        ("clean --al", "labctl clean", ["No such option", "--al"]),
    ],
)
def test_a_command_line_that_cannot_be_read(
    labctl: Labctl, engine: Listener, args: str, verb: str, parts: list[str]
) -> None:
    said = told(labctl(*args.split()), engine)
    usage, help_, *rest = said.splitlines()
    assert usage.startswith(f"Usage: {verb} [OPTIONS]")
    assert help_ == f"Try '{verb} -h' for help."
    message = " ".join(rest)
    assert message.strip().startswith("Error: ")
    for part in parts:
        assert part in message


def test_an_option_without_its_value(labctl: Labctl, engine: Listener) -> None:
    said = told(labctl("run", "--client"), engine)
    assert "Option '--client' requires an argument" in said


def test_a_file_in_the_place_of_a_folder(labctl: Labctl, engine: Listener) -> None:
    write("mine.yaml", SCENARIO)
    assert "'mine.yaml' is a file" in told(labctl("run", "--scenarios", "mine.yaml"), engine)


def test_no_verb_at_all_is_answered_with_the_help(labctl: Labctl, engine: Listener) -> None:
    done = labctl()
    assert done.code == 2
    assert "Begin with: labctl list" in done.out + done.err
    assert not engine.was_asked
