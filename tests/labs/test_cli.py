"""The command line on a real engine: each option does what its help says."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labctl.engines import EngineName
from labctl.load.bundled import bundled_folder
from tests.labs.conftest import LIMIT_S, Done, labctl

ROOT = Path(__file__).parents[2]
SMTPLIB = """\
import os, smtplib
smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), timeout=5)
"""
SOCKET = """\
import os, socket
socket.create_connection((os.environ["LAB_HOST"], int(os.environ["LAB_PORT"])), timeout=5)
"""
OWN = """\
name: own
title: A scenario of one's own
layer: tcp
tags: [mine]
story: It is in a folder given with --scenarios.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  socket:
    client: |
      import socket
      socket.create_connection(("closed.lab", 2525), timeout=5)
    expect: {python: "PYTHON", raises: ConnectionRefusedError}
"""


def made(document: dict[str, Any]) -> list[tuple[str, str, str, str, int]]:
    return [
        (one["scenario"], one["attempt"], one["client"], one["verdict"], one["repeat"])
        for one in document["attempts"]
    ]


@pytest.mark.both
def test_json_on_stdout_is_a_result_and_nothing_else(engine_name: EngineName) -> None:
    done = labctl("run", "refused-port", "--attempt", "socket", "--json", "-")
    assert done.code == 0, done.err
    schema = json.loads(labctl("schema", "--result").out)
    Draft202012Validator(schema).validate(done.document)
    assert made(done.document) == [("refused-port", "socket", "", "pass", 1)]
    assert done.document["engine"]["name"] == engine_name
    assert done.document["images"]["labctl/client:3.13"]["python"].startswith("3.13.")


def test_json_in_a_file_beside_the_report(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    done = labctl("run", "refused-port", "--attempt", "smtplib", "--json", file)
    assert done.code == 0, done.err
    assert made(json.loads(file.read_text("utf-8"))) == [("refused-port", "smtplib", "", "pass", 1)]
    for part in ("pass", "ConnectionRefusedError", "SMTP.__init__", "create_connection"):
        assert part in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_client_of_ones_own_is_shown_beside_the_others(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text(SOCKET, "utf-8")
    done = labctl("run", "refused-port", "--client", file)
    assert done.code == 0, done.out + done.err
    assert "my.py" in done.out
    found = labctl("run", "refused-port", "--client", file, "--json", "-").document
    (mine,) = [one for one in found["attempts"] if one["client"]]
    assert (mine["attempt"], mine["client"], mine["verdict"]) == ("my", "my.py", None)
    assert mine["observed"]["exception"]["type"] == "ConnectionRefusedError"
    assert found["summary"]["pass"] == len(found["attempts"]) - 1


def test_a_client_in_the_place_of_an_attempt_is_judged(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(SMTPLIB, "utf-8")
    bad.write_text(SOCKET, "utf-8")
    judged = ("run", "refused-port", "--attempt", "smtplib", "--client")
    done = labctl(*judged, good)
    assert done.code == 0, done.out + done.err
    done = labctl(*judged, bad)
    assert done.code == 1, done.out + done.err
    assert "smtplib:SMTP.__init__" in done.out


def test_pythons_and_repeats() -> None:
    args = ("run", "refused-port", "--attempt", "socket", "--python", "3.9,3.13", "--repeat", "2")
    done = labctl(*args, "--json", "-")
    assert done.code == 0, done.err
    found = [(one["python"].rpartition(".")[0], one["repeat"]) for one in done.document["attempts"]]
    assert found == [("3.9", 1), ("3.9", 2), ("3.13", 1), ("3.13", 2)]


def test_everything_ends_in_a_table_of_scenarios_by_python() -> None:
    done = labctl("run", "--all", "--attempt", "smtplib", "--python", "3.9,3.13")
    assert done.code == 0, done.out + done.err
    (header,) = [line for line in done.out.splitlines() if line.split()[-2:] == ["3.9", "3.13"]]
    table = done.out.partition(header)[2]
    rows = dict(line.split(maxsplit=1) for line in table.splitlines() if len(line.split()) == 3)
    assert rows["refused-port"].split() == ["pass", "pass"]
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_tag_picks_scenarios() -> None:
    done = labctl("run", "--tag", "core", "--attempt", "smtplib", "--json", "-")
    assert done.code == 0, done.err
    core = {one["name"] for one in json.loads(labctl("list", "--tag", "core", "--json").out)}
    assert {one["scenario"] for one in done.document["attempts"]} == core


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN.replace("PYTHON", ">=3.8"), "utf-8")
    own = ("--scenarios", tmp_path, "--json", "-")
    found = labctl("run", *own).document
    assert made(found) == [("own", "socket", "", "pass", 1)]
    found = labctl("run", "own", "refused-port", "--attempt", "socket", *own).document
    assert {one["scenario"] for one in found["attempts"]} == {"own", "refused-port"}
    assert made(labctl("run", "--tag", "mine", *own).document) == made(
        labctl("run", tmp_path / "own.yaml", "--json", "-").document
    )


def test_no_variant_for_a_python_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(OWN.replace("PYTHON", ">=3.10"), "utf-8")
    done = labctl("run", file, "--python", "3.13,3.9")
    assert (done.code, done.out) == (3, "")
    assert f"labctl: {file}: attempt socket has no variant for Python 3.9; it has: " in done.err
    assert "it has: >=3.10\n  hint: add a variant" in done.err


@pytest.mark.both
def test_doctor_finds_all_well_and_has_tried_the_isolation() -> None:
    done = labctl("doctor")
    assert (done.code, done.err) == (0, ""), done.out
    assert "isolation: tried: none of the host's" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) <= 80
    checks = {one["name"]: one for one in json.loads(labctl("doctor", "--json").out)}
    assert checks["engine"]["state"] == checks["isolation"]["state"] == "ok"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with labctl's wheel in it. It takes the dependencies from ours, where
    an editable labctl is not found: its .pth file counts in our own environment only.
    """
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "-q"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True
    )
    (wheel,) = folder.glob("labctl-*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv/bin/python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    (packages,) = (folder / "venv/lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return folder / "venv/bin/labctl"


def test_a_wheel_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    def run(*args: str) -> Done:
        done = subprocess.run(
            [installed, *args],
            cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    shown = json.loads(run("show", "refused-port", "--json").out)
    assert Path(shown["compose"]).is_relative_to(installed.parents[1])
    bundled = {path.stem for path in bundled_folder("scenarios").rglob("*.yaml")}
    assert {one["name"] for one in json.loads(run("list", "--json").out)} == bundled
    done = run("run", "refused-port", "--json", "-")
    assert done.code == 0, done.err
    assert set(map(str, done.document["summary"].values())) >= {"0"}
    assert {one["verdict"] for one in done.document["attempts"]} == {"pass"}
    assert not list(tmp_path.iterdir())
