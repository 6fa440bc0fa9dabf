"""list, show, validate, schema, help and completion: what they print, in 80 columns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from labctl import __version__
from labctl.load.bundled import bundled_folder
from tests.unit.cli.conftest import Labctl, Listener, process
from tests.unit.load.texts import SCENARIO, changed, write

VERBS = {
    "run", "compare", "list", "show", "explain", "validate", "new", "record", "schema", "doctor",
    "clean", "images", "exercise", "check", "grade",
    "images build", "images remove",
    "exercise list", "exercise show", "exercise start", "exercise validate",
}  # fmt: skip
BUNDLED = sorted(path.stem for path in bundled_folder("scenarios").rglob("*.yaml"))
CORE = {
    "book-port-66000",
    "filtered-port",
    "refused-port",
    "unresolvable-host",
    "working-smtp",
}


def width(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.fixture(autouse=True)
def _no_engine_is_needed(engine: Listener) -> object:
    yield
    assert not engine.was_asked


def test_list(labctl: Labctl) -> None:
    done = labctl("list")
    assert (done.code, done.err) == (0, "")
    assert width(done.out) <= 80
    header, *rows = done.out.splitlines()
    assert header.split() == ["name", "layer", "title"]
    assert rows[-1] == f"{len(BUNDLED)} scenarios"
    assert all(row == row.rstrip() for row in rows)
    text = " ".join(done.out.split())
    for word in ("refused-port tcp", "create_connection, ", "ConnectionRefusedError", "gaierror"):
        assert word in text


def test_list_as_json(labctl: Labctl) -> None:
    done = labctl("list", "--json")
    assert done.code == 0
    found = {one["name"]: one for one in json.loads(done.out)}
    assert sorted(found) == BUNDLED
    refused = found["refused-port"]
    assert (refused["layer"], refused["title"]) == ("tcp", "Nothing listens on the port")
    assert "raises" in json.dumps(refused["expects"]["smtplib"])


def test_list_by_tag_and_with_folders_of_ones_own(labctl: Labctl) -> None:
    write("mine/mine.yaml", changed(SCENARIO, "layer: tcp", "layer: tcp\ntags: [own, extra]"))
    folder = ("--scenarios", "mine")

    def names(*args: str) -> set[str]:
        return {one["name"] for one in json.loads(labctl("list", "--json", *folder, *args).out)}

    assert names() == {*BUNDLED, "mine"}
    assert names("--tag", "own") == {"mine"}
    assert names("--tag", "own", "--tag", "core") == {*CORE, "mine"}
    table = labctl("list", *folder, "--tag", "own").out
    assert table.splitlines()[-1] == "1 scenario"
    assert "refused-port" not in table


def test_show(labctl: Labctl) -> None:
    done = labctl("show", "refused-port")
    assert (done.code, done.err) == (0, "")
    assert width(done.out) <= 80
    for part in (
        "Nothing listens on the port",
        "Its kernel answers the SYN",
        "closed (closed.lab)",
        'smtplib.SMTP("closed.lab", 2525, timeout=5)',
        "smtplib:SMTP._get_socket",
        "errno ECONNREFUSED",
    ):
        assert part in done.out


def test_show_a_file_as_json(labctl: Labctl) -> None:
    write("mine.yaml", SCENARIO)
    done = labctl("show", "mine.yaml", "--json")
    assert done.code == 0
    shown = json.loads(done.out)
    assert (shown["name"], shown["target"]) == ("mine", {"host": "closed.lab", "port": 2525})
    assert "import socket" in done.out


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_scenario_is_right_and_can_be_shown(labctl: Labctl, name: str) -> None:
    assert labctl("validate", name).out == f"{name}: ok\n"
    assert width(labctl("show", name).out) <= 80


def test_schema(labctl: Labctl) -> None:
    done = labctl("schema")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    Draft202012Validator.check_schema(schema)
    assert {"name", "attempts"} <= set(schema["properties"])


def test_schema_of_results(labctl: Labctl) -> None:
    schema = json.loads(labctl("schema", "--result").out)
    Draft202012Validator.check_schema(schema)
    assert {"schema", "summary", "attempts"} <= set(schema["properties"])


def test_schemas_of_exercises_and_grades(labctl: Labctl) -> None:
    for option, key in (("--exercise", "clients"), ("--grade", "parts")):
        schema = json.loads(labctl("schema", option).out)
        Draft202012Validator.check_schema(schema)
        assert key in schema["properties"]
    done = labctl("schema", "--grade", "--result")
    assert (done.code, done.out) == (2, "")
    assert done.err == ("labctl: there is one schema at a time\n  hint: give one of the options\n")


def test_version(labctl: Labctl) -> None:
    done = labctl("--version")
    assert (done.code, done.out) == (0, f"labctl {__version__}\n")


def test_help_names_every_verb_and_where_to_begin(labctl: Labctl) -> None:
    done = labctl("--help")
    assert done.code == 0
    assert width(done.out) <= 80
    _, _, commands = done.out.partition("Commands:\n")
    listed = {line.split()[0] for line in commands.splitlines() if line.startswith("  ")}
    assert {verb for verb in VERBS if " " not in verb} <= listed
    assert "labctl run refused-port" in done.out


@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_of_a_verb_fits_and_teaches(labctl: Labctl, verb: str, option: str) -> None:
    done = labctl(*verb.split(), option)
    assert (done.code, done.err) == (0, "")
    assert width(done.out) <= 80
    usage, blank, what = done.out.splitlines()[:3]
    assert usage.startswith(f"Usage: labctl {verb} [OPTIONS]")
    assert blank == ""
    assert re.match(r"  [A-Z]\w+,? ", what)
    if not verb.startswith("images"):
        assert re.search(rf"(Examples?|Begin with):\s+labctl {verb}", done.out)


def test_help_is_quick(labctl: Labctl) -> None:
    """It imports nothing that only verbs need."""
    heavy = "docker pydantic yaml rich.console labctl.engine labctl.load"
    code = (
        "import sys; sys.argv = ['labctl', '--help']\n"
        "from labctl.__main__ import main\n"
        "try: main()\n"
        f"except SystemExit: print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert labctl("-h").out == done.stdout.rpartition("[]")[0]


def complete(words: str) -> list[str]:
    """What bash would offer for the last of these words."""
    done = process(
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split(" ")) - 1),
        _LABCTL_COMPLETE="complete_bash",
    )
    assert done.err == ""
    return done.out.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("labctl run refu", ["refused-port"]),
        ("labctl show unres", ["unresolvable-host"]),
        ("labctl vali", ["validate"]),
        ("labctl run --rep", ["--repeat"]),
        ("labctl list --layer t", ["tcp", "tls"]),
        ("labctl run zebra", []),
        ("labctl record refu", ["refused-port"]),
        ("labctl new mine --layer s", ["smtp"]),
        ("labctl check tell", ["tell-them-apart"]),
        ("labctl exercise show mail", ["mail-once"]),
        ("labctl exercise validate mail", ["mail-once"]),
        ("labctl run --engine ", ["docker", "local", "auto"]),
        ("labctl images build --engine l", ["local"]),
    ],
)
def test_completion(words: str, offered: list[str]) -> None:
    assert complete(words) == offered


def test_all_names_are_offered() -> None:
    assert complete("labctl run ") == BUNDLED


def test_the_script_for_bash_is_shown() -> None:
    # Otherwise it looks for the shell it was started from, which may be any.
    given = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = process("--show-completion", "bash", **given)
    assert done.code == 0
    assert "complete -o default -F _labctl_completion labctl" in done.out
    assert "_LABCTL_COMPLETE=complete_bash" in done.out
    assert subprocess.run(["bash", "-n"], input=done.out, text=True, check=False).returncode == 0


def test_a_name_of_a_file_with_odd_characters(labctl: Labctl) -> None:
    odd = os.fsdecode(b"\xff\x1b[31m.yaml")
    write(odd, SCENARIO)
    assert labctl("validate", odd).code == 0
    shown = labctl("show", f"./{odd}").out
    assert "\x1b" not in shown
    Path(odd).write_text("layer: tcp", "utf-8")
    told = labctl("validate", odd).err
    assert told.startswith('labctl: \\udcff\\x1b[31m.yaml:1: the key "name" is missing\n')
