"""Every scenario on every Python; and made wrong in each way that must be noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.engine.images import SERIES
from labctl.shared_files import share
from tests.docker.conftest import Done, labctl

SCENARIOS = sorted(share("scenarios").rglob("*.yaml"))
DNS = "dns"
"""The service that every lab has."""


def test_every_scenario_passes_on_every_python(everything: Done) -> None:
    assert everything.code == 0, wrong(everything)
    attempts = everything.document["attempts"]
    assert {one["python"].rpartition(".")[0] for one in attempts} == set(SERIES)
    assert {one["scenario"] for one in attempts} == {path.stem for path in SCENARIOS}
    assert set(everything.document["summary"]) == {"pass", "fail", "inconclusive", "error"}


def test_the_same_verdict_again() -> None:
    done = labctl("run", "--all", "--repeat", "2", "--json", "-")
    assert done.code == 0, wrong(done)


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


@pytest.fixture(scope="module", params=CHANGES)
def changed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Done]:
    """All scenarios with that change, run at once."""
    change = request.param
    folder = tmp_path_factory.mktemp(change)
    files = [
        mutate(path, folder, change)
        for path in SCENARIOS
        if change not in OF_EXCEPTIONS or raises(path)
    ]
    return change, labctl("run", *files, "--json", "-")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_wrong_expectation_fails_and_the_difference_is_named(
    changed: tuple[str, Done], path: Path
) -> None:
    change, done = changed
    assert done.code == 1, done.out + done.err
    attempts = [
        one for one in done.document["attempts"] if one["scenario"] == f"{path.stem}-{change}"
    ]
    if change in OF_EXCEPTIONS and not raises(path):
        assert not attempts
        return
    assert {one["verdict"] for one in attempts} == {"fail"}
    for one in attempts:
        assert any(SAYS[change] in reason for reason in one["reasons"]), one["reasons"]


def test_a_difference_is_shown_to_people(tmp_path: Path) -> None:
    path = next(path for path in SCENARIOS if path.stem == "refused-port")
    done = labctl("run", mutate(path, tmp_path, "frame"))
    assert done.code == 1
    assert SAYS["frame"] in done.out
