"""Hostile submissions, graded beside honest ones: none gains, and none harms anybody.

The default run grades some of every kind, `--all` grades all of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labctl.engine.access import open_named
from labctl.engine.images.names import LAB, client_image
from labctl.engines import EngineName
from tests.hostile import HOSTILE, Hostile
from tests.labs.conftest import Done, cases, labctl
from tests.unit.submissions.hostile import HOSTILE as ARCHIVES

ROOT = Path(__file__).parents[2]
EXERCISES = ROOT / "tests" / "exercises"
MODELS = {
    "brief": ROOT / "answers" / "tell-them-apart" / "model",
    "claims": EXERCISES / "claims" / "model",
    "mail-once": ROOT / "answers" / "mail-once" / "model",
    "tell-them-apart": ROOT / "answers" / "tell-them-apart" / "model",
}
"""An honest answer to each exercise, worth all its points."""
POINTS = {"brief": 6, "claims": 3, "mail-once": 35, "tell-them-apart": 20}
EVERY = 5
"""One honest submission after so many hostile ones, after the last one, and after each that uses
up or leaves.
"""
SAMPLES = frozenset(
    {
        # forging: output, names, the clock, the server's events, the secret, the report
        "by-known-names", "clock-of-the-probe", "events-in-the-text", "password-in-pieces",
        "decoy-then-raise", "writes-the-shared-memory",
        # reading: files, the probe's objects, the supervisor
        "walks-the-files", "looks-with-gc", "reads-the-supervisor",
        # escaping: to the host, to others, out of the container
        "the-host", "other-students", "raw-sockets", "ptrace", "mounts", "kernel-settings",
        # exhausting: time, processes, memory, disk, output, connections
        "sleeps-and-is-deaf", "forks", "takes-memory-aside", "fills-tmp", "prints-much",
        "floods-connections",
        # persisting: files, processes, servers
        "leaves-files", "leaves-a-daemon", "takes-every-turn",
    }
)  # fmt: skip
"""The submissions that the default run grades: of every kind, and of every exercise."""


ON_BOTH = frozenset({"walks-the-files", "the-host", "takes-memory-aside", "leaves-a-daemon"})
"""Those of `brief` that are graded on every engine."""


@pytest.fixture(scope="session", autouse=True)
def images(engine_name: EngineName) -> None:
    """Those that are needed here."""
    open_named(engine_name).images().ensure([LAB, client_image("3.13")], progress=lambda _: None)


@dataclass(frozen=True)
class Graded:
    """What `labctl grade` made of one exercise's submissions: grades by name."""

    exercise: str
    submissions: list[Hostile]
    done: Done
    hostile: Mapping[str, dict[str, Any]]
    honest: Mapping[str, dict[str, Any]]


def hand_in(submissions: list[Hostile], model: Path, folder: Path) -> None:
    """Each hostile submission in a folder of its own, honest ones in between; by their numbers,
    for that is the order in which they are run.
    """
    number = 0
    for count, one in enumerate(submissions, 1):
        place = folder / f"{number:03}.{one.name}"
        place.mkdir(parents=True)
        (place / "client.py").write_text(one.source, "utf-8")
        number += 1
        last = count == len(submissions)
        if last or one.kind in ("exhausting", "persisting") or count % EVERY == 0:
            shutil.copytree(model, folder / f"{number:03}.honest")
            number += 1


def grade(exercise: str, submissions: list[Hostile], folder: Path) -> Graded:
    """Grade what is handed in in `folder / "in"`."""
    out = folder / "out"
    done = labctl("grade", exercise, folder / "in", "--exercises", EXERCISES, "--out", out,
                  "--jobs", "4")  # fmt: skip
    documents = [json.loads(f.read_text("utf-8")) for f in out.glob("students/*/grade.json")]
    named = {one["id"].partition(".")[2]: one for one in documents}
    return Graded(
        exercise=exercise,
        submissions=submissions,
        done=done,
        hostile={name: one for name, one in named.items() if name != "honest"},
        honest={one["id"]: one for one in documents if one["id"].endswith(".honest")},
    )


@pytest.fixture(scope="module", params=cases(sorted(POINTS), both=["brief"]))
def graded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
    is_whole: bool, is_sample: bool,
) -> Graded:  # fmt: skip
    exercise: str = request.param
    folder = tmp_path_factory.mktemp(exercise)
    chosen = ON_BOTH if is_sample else SAMPLES
    mine = [one for one in HOSTILE if one.exercise == exercise and (is_whole or one.name in chosen)]
    hand_in(mine, MODELS[exercise], folder / "in")
    return grade(exercise, mine, folder)


def test_the_samples_are_of_every_kind_and_exercise() -> None:
    samples = [one for one in HOSTILE if one.name in SAMPLES]
    assert {one.name for one in samples} == SAMPLES
    assert {(one.exercise, one.kind) for one in samples} == {
        (one.exercise, one.kind) for one in HOSTILE
    }


def said(one: dict[str, Any]) -> str:
    return "\n".join(part["stdout"] + part["stderr"] for part in one["parts"])


def told(one: dict[str, Any]) -> list[Any]:
    """For a person who wants to know why."""
    return [(p["name"], [(m["points"], m["actual"]) for m in p["marks"]]) for p in one["parts"]]


def test_all_are_graded(graded: Graded) -> None:
    is_unsure = any(one["state"] == "inconclusive" for one in graded.hostile.values())
    assert graded.done.code == (4 if is_unsure else 0), graded.done.out + graded.done.err
    assert "Traceback" not in graded.done.err
    assert set(graded.hostile) == {one.name for one in graded.submissions}


def test_none_gets_more_than_what_it_did_is_worth(graded: Graded) -> None:
    grades = {one.name: (one.gains, graded.hostile[one.name]) for one in graded.submissions}
    wrong = {
        n: (one["points"], g, told(one)) for n, (g, one) in grades.items() if one["points"] > g
    }
    assert not wrong


def test_each_ends_in_a_state_that_says_so(graded: Graded) -> None:
    states = {one.name: (one.states, graded.hostile[one.name]["state"])
              for one in graded.submissions}  # fmt: skip
    assert not {name: pair for name, pair in states.items() if pair[1] not in pair[0]}


def test_none_gets_out_or_finds_anything(graded: Graded) -> None:
    out = {name: said(one) for name, one in graded.hostile.items()}
    assert not {n: text for n, text in out.items() if "ESCAPED" in text or "FOUND" in text}


def test_the_honest_ones_get_all_their_points(graded: Graded) -> None:
    assert graded.honest
    wrong = {
        name: (one["state"], one["points"], told(one))
        for name, one in graded.honest.items()
        if (one["state"], one["points"]) != ("graded", POINTS[graded.exercise])
    }
    assert not wrong


def test_hostile_archives_are_refused_and_the_others_graded(tmp_path: Path) -> None:
    for kind, write in ARCHIVES.items():
        write(tmp_path / "in" / f"{kind}.archive")
    shutil.copytree(MODELS["brief"], tmp_path / "in" / "000.honest")
    shutil.copytree(MODELS["brief"], tmp_path / "in" / "zzz.honest")
    found = grade("brief", [], tmp_path)
    assert found.done.code == 0, found.done.out + found.done.err
    documents = [json.loads(f.read_text()) for f in tmp_path.glob("out/students/*/grade.json")]
    refused = {one["id"]: one for one in documents if one["state"] == "refused"}
    assert {one["points"] for one in refused.values()} == {0}
    assert all(one["message"] for one in refused.values())
    assert {f"{kind}.archive" for kind in ARCHIVES} == set(refused)
    assert {one["points"] for one in found.honest.values()} == {POINTS["brief"]}
