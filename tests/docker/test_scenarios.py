"""Every scenario on every Python; in parts; and made wrong in each way that must be noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from tests.docker.conftest import PYTHONS, Done, labctl

SCENARIOS = sorted(bundled_folder("scenarios").rglob("*.yaml"))
DNS = "dns"
"""The service that every lab has."""
PYTHON = "3.13"
SHARDS = 3


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All scenarios on one Python, in parts, each of few enough attempts to be kept whole."""
    folder = tmp_path_factory.mktemp("shards")
    files = [folder / f"{number}.json" for number in range(1, SHARDS + 1)]
    for number, file in enumerate(files, 1):
        part = ("--shard", f"{number}/{SHARDS}", "--json", file)
        done = labctl("run", "--all", "--python", PYTHON, *part)
        assert done.code == 0, done.out + done.err
    return files


def test_every_scenario_passes_on_every_python(everything: Done) -> None:
    assert everything.code == 0, wrong(everything)
    attempts = everything.document["attempts"]
    series = SERIES if PYTHONS == "all" else PYTHONS.split(",")
    assert {one["python"].rpartition(".")[0] for one in attempts} == set(series)
    assert {one["scenario"] for one in attempts} == {path.stem for path in SCENARIOS}
    assert set(everything.document["summary"]) == {"pass", "fail", "inconclusive", "error"}


def test_the_parts_of_a_run_are_the_run_attempt_by_attempt(
    everything: Done, shards: list[Path], tmp_path: Path
) -> None:
    """That both come to the same shows, too, that verdicts are the same again."""
    done = labctl("merge", *shards, "--json", tmp_path / "merged.json")
    assert done.code == 0, done.out + done.err
    whole = Result.model_validate_json(everything.out)
    merged = read_result(tmp_path / "merged.json")
    expected = {
        one.key: found(one) for one in whole.attempts if one.python.startswith(f"{PYTHON}.")
    }
    assert {one.key: found(one) for one in merged.attempts} == expected
    assert len(merged.attempts) == len(expected)
    sizes = [len(read_result(path).attempts) for path in shards]
    assert sum(sizes) == len(expected)
    assert min(sizes) > len(expected) / (2 * SHARDS)


def found(one: AttemptResult) -> tuple[object, ...]:
    """What two runs of one attempt must agree in."""
    seen = one.observed
    assert seen is not None
    stack = tuple(f"{frame.module}:{frame.qualname}" for frame in seen.stack)
    return one.verdict, seen.outcome, seen.exception and seen.exception.type, stack


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


def expectations(path: Path, python: str) -> Iterator[tuple[str, Expectation]]:
    """What each attempt in a file is expected to come to on that Python."""
    for name, attempt in yaml.safe_load(path.read_text("utf-8"))["attempts"].items():
        parsed = (Expectation.model_validate_json(json.dumps(one)) for one in variants(attempt))
        yield name, next(one for one in parsed if one.admits(python))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_wrong_expectation_fails_and_the_difference_is_named(
    seen: dict[tuple[str, str], AttemptResult], path: Path, change: str, tmp_path: Path
) -> None:
    if change in OF_EXCEPTIONS and not raises(path):
        return
    judged = 0
    python = next(iter(seen.values())).python
    for name, expectation in expectations(mutate(path, tmp_path, change), python):
        one = seen[path.stem, name]
        assert one.observed is not None
        judgement = judge(expectation, one.observed)
        assert judgement.verdict == "fail"
        assert any(SAYS[change] in reason for reason in judgement.reasons), judgement.reasons
        judged += 1
    assert judged


@pytest.mark.parametrize("change", CHANGES)
def test_so_it_does_on_the_command_line(change: str, tmp_path: Path) -> None:
    files = [
        mutate(path, tmp_path, change)
        for path in SCENARIOS
        if "core" in yaml.safe_load(path.read_text("utf-8")).get("tags", ()) and raises(path)
    ]
    done = labctl("run", *files, "--attempt", "smtplib", "--json", "-")
    assert done.code == 1, done.out + done.err
    attempts = done.document["attempts"]
    assert len(attempts) > 1
    for one in attempts:
        assert one["verdict"] == "fail"
        assert any(SAYS[change] in reason for reason in one["reasons"]), one["reasons"]


def test_a_difference_is_shown_to_people(tmp_path: Path) -> None:
    path = next(path for path in SCENARIOS if path.stem == "refused-port")
    done = labctl("run", mutate(path, tmp_path, "frame"))
    assert done.code == 1
    assert SAYS["frame"] in done.out
