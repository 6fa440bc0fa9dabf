"""Every scenario on every Python; in parts; and made wrong in each way that must be noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.judge import judge
from labctl.load.bundled import bundled_folder
from labctl.load.result import read_result
from labctl.model.expectation import Expectation
from labctl.model.result import AttemptResult, Result
from labctl.pythons import SERIES
from tests.labs.conftest import JOBS, PYTHONS, Done, labctl

SCENARIOS = sorted(bundled_folder("scenarios").rglob("*.yaml"))
DNS = "dns"
"""The service that every lab has."""


def test_every_scenario_passes_on_every_python(everything: Done, is_whole: bool) -> None:
    """In the default run, each attempt has one Python, and each Python some attempts."""
    assert everything.code == 0, wrong(everything)
    made = everything.document["attempts"]
    series = PYTHONS.split(",") if is_whole and PYTHONS != "all" else SERIES
    assert {one["python"].rpartition(".")[0] for one in made} == set(series)
    assert {one["scenario"] for one in made} == {path.stem for path in SCENARIOS}
    assert set(everything.document["summary"]) == {"pass", "fail", "inconclusive", "error"}


def test_the_parts_of_a_run_are_the_run_attempt_by_attempt(
    everything: Done, shards: list[Path], tmp_path: Path
) -> None:
    """In the whole run, the same attempts are made twice, and come to the same. In the default run,
    that these are all attempts is known from the catalogue.
    """
    done = labctl("merge", *shards, "--json", tmp_path / "merged.json")
    assert done.code == 0, done.out + done.err
    merged = read_result(tmp_path / "merged.json")
    pythons = {one.key: one.python for one in merged.attempts}
    whole = Result.model_validate_json(everything.out)
    expected = {one.key: found(one) for one in whole.attempts if one.key in pythons}
    catalogue = {(path.stem, name) for path in SCENARIOS for name in attempts(path)}
    assert {(one.scenario, one.attempt) for one in merged.attempts} == catalogue
    assert len(merged.attempts) == len(catalogue)
    assert {one.key: found(one) for one in merged.attempts} == expected
    assert len(merged.attempts) == len(expected)
    sizes = [len(read_result(path).attempts) for path in shards]
    assert sum(sizes) == len(expected)
    assert min(sizes) > len(expected) / (2 * len(shards))


def found(one: AttemptResult) -> tuple[object, ...]:
    """What two runs of one attempt must agree in."""
    seen = one.observed
    assert seen is not None
    stack = tuple(f"{frame.module}:{frame.qualname}" for frame in seen.stack)
    return one.verdict, seen.outcome, seen.exception and seen.exception.type, stack


def attempts(path: Path) -> dict[str, Any]:
    """The attempts of a scenario file, by name."""
    named: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["attempts"]
    return named


def wrong(done: Done) -> list[Any]:
    return [
        (one["scenario"], one["attempt"], one["python"], one["reasons"])
        for one in done.document["attempts"]
        if one["verdict"] != "pass"
    ]


def variants(attempt: dict[str, Any]) -> list[dict[str, Any]]:
    expect = attempt["expect"]
    return expect if isinstance(expect, list) else [expect]


def raises(path: Path) -> bool:
    """Whether there is an attempt that raises on every Python."""
    attempts = yaml.safe_load(path.read_text("utf-8"))["attempts"].values()
    return any(all("raises" in one for one in variants(attempt)) for attempt in attempts)


def mutate(path: Path, folder: Path, change: str) -> Path:
    """A copy of a scenario with one thing changed in every variant of what is expected; without
    the attempts that have no such thing.
    """
    document = yaml.safe_load(path.read_text("utf-8"))
    document["attempts"] = {
        name: attempt
        for name, attempt in document["attempts"].items()
        if all(CHANGES[change](variant) for variant in variants(attempt))
    }
    document["name"] = f"{path.stem}-{change}"
    file = folder / f"{document['name']}.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return file


def _exception(expect: dict[str, Any]) -> bool:
    for key in ("returns", "isa", "stack", "attrs", "cause", "context", "group", "message"):
        expect.pop(key, None)
    expect["raises"] = "ZeroDivisionError"
    return True


def _frame(expect: dict[str, Any]) -> bool:
    if "raises" not in expect:
        return False
    expect["stack"] = [*(expect.get("stack") or ())[:-1], "wrong:frame"]
    return True


def _attr(expect: dict[str, Any]) -> bool:
    if "raises" not in expect:
        return False
    expect["attrs"] = {**expect.get("attrs", {}), "errno": "EOWNERDEAD"}
    return True


def _wire(expect: dict[str, Any]) -> bool:
    expect["wire"] = ["tcp 198.51.100.7:2525 refused"]
    return True


def _served(expect: dict[str, Any]) -> bool:
    expect["served"] = [f"{DNS} query name=never-asked.lab"]
    return True


CHANGES = {
    "exception": _exception,
    "frame": _frame,
    "attr": _attr,
    "wire": _wire,
    "served": _served,
}
OF_EXCEPTIONS = {"frame", "attr"}
"""Changes that a scenario in which nothing is raised has no room for."""
SAYS = {
    "exception": "expected ZeroDivisionError",
    "frame": "wrong:frame",
    "attr": "EOWNERDEAD",
    "wire": "198.51.100.7:2525",
    "served": "never-asked.lab",
}


@pytest.fixture(scope="session")
def seen(shards: list[Path]) -> dict[tuple[str, str], AttemptResult]:
    """What each attempt of each scenario has come to."""
    every = (one for path in shards for one in read_result(path).attempts)
    return {(one.scenario, one.attempt): one for one in every}


def expectation(attempt: dict[str, Any], python: str) -> Expectation:
    """What an attempt is expected to come to on that Python."""
    parsed = (Expectation.model_validate_json(json.dumps(one)) for one in variants(attempt))
    return next(one for one in parsed if one.admits(python))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_wrong_expectation_fails_and_the_difference_is_named(
    seen: dict[tuple[str, str], AttemptResult], path: Path, change: str, tmp_path: Path
) -> None:
    if change in OF_EXCEPTIONS and not raises(path):
        return
    judged = 0
    for name, attempt in attempts(mutate(path, tmp_path, change)).items():
        one = seen[path.stem, name]
        assert one.observed is not None
        judgement = judge(expectation(attempt, one.python), one.observed)
        assert judgement.verdict == "fail"
        assert any(SAYS[change] in reason for reason in judgement.reasons), judgement.reasons
        judged += 1
    assert judged


@pytest.mark.docker
def test_the_core_scenarios_pass() -> None:
    """On the local engine, all scenarios are run anyway."""
    done = labctl("run", "--tag", "core", *JOBS, "--json", "-")
    assert done.code == 0, wrong(done)
    assert len(done.document["attempts"]) > 30


def test_so_it_does_on_the_command_line(tmp_path: Path) -> None:
    files = {
        mutate(path, tmp_path, change): change
        for change in CHANGES
        for path in SCENARIOS
        if "core" in yaml.safe_load(path.read_text("utf-8")).get("tags", ()) and raises(path)
    }
    done = labctl("run", *files, "--attempt", "smtplib", "--json", "-")
    assert done.code == 1, done.out + done.err
    changes = {file.stem: change for file, change in files.items()}
    counts = dict.fromkeys(CHANGES, 0)
    for one in done.document["attempts"]:
        change = changes[one["scenario"]]
        counts[change] += 1
        assert one["verdict"] == "fail"
        assert any(SAYS[change] in reason for reason in one["reasons"]), one["reasons"]
    assert min(counts.values()) > 1


def test_a_difference_is_shown_to_people(tmp_path: Path) -> None:
    path = next(path for path in SCENARIOS if path.stem == "refused-port")
    done = labctl("run", mutate(path, tmp_path, "frame"))
    assert done.code == 1
    assert SAYS["frame"] in done.out
