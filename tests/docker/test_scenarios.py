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


def mutate(path: Path, folder: Path, change: str) -> Path:
    """A copy of a scenario with one thing changed in what its first fitting variant expects."""
    document = yaml.safe_load(path.read_text("utf-8"))
    kept = {}
    for name, attempt in document["attempts"].items():
        expect = attempt["expect"]
        variants = expect if isinstance(expect, list) else [expect]
        changed = [CHANGES[change](variant) for variant in variants]
        if all(changed):
            kept[name] = attempt
    document["attempts"] = kept
    document["name"] = f"{path.stem}-{change}"
    file = folder / f"{document['name']}.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return file


def _exception(expect: dict[str, Any]) -> bool:
    if "raises" not in expect:
        expect.pop("returns")
    for key in ("stack", "attrs", "cause", "context", "message"):
        expect.pop(key, None)
    expect["raises"] = "ZeroDivisionError"
    return True


def _frame(expect: dict[str, Any]) -> bool:
    if not expect.get("stack"):
        return False
    expect["stack"][-1] = "wrong:frame"
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
    return change, labctl(
        "run", *(mutate(path, folder, change) for path in SCENARIOS), "--json", "-"
    )


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_wrong_expectation_fails_and_the_difference_is_named(
    changed: tuple[str, Done], path: Path
) -> None:
    change, done = changed
    assert done.code == 1, done.out + done.err
    attempts = [
        one for one in done.document["attempts"] if one["scenario"] == f"{path.stem}-{change}"
    ]
    assert attempts
    assert {one["verdict"] for one in attempts} == {"fail"}
    for one in attempts:
        assert any(SAYS[change] in reason for reason in one["reasons"]), one["reasons"]


def test_a_difference_is_shown_to_people(tmp_path: Path) -> None:
    path = next(path for path in SCENARIOS if path.stem == "refused-port")
    done = labctl("run", mutate(path, tmp_path, "frame"))
    assert done.code == 1
    assert SAYS["frame"] in done.out
