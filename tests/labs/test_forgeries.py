"""Clients that claim what did not happen, in real containers: none of them gets a pass.

Each is judged by what the attempt that it pretends to be must observe. Those of one scenario
share a lab: a copy of the scenario has them in place of its own clients. What was observed is then
judged again, without the checks that notice: each would pass.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.judge import Judgement, judge
from labctl.load.bundled import bundled_folder
from labctl.model.expectation import Expectation
from labctl.model.result import Observation, Verdict
from tests.forgeries import FORGERIES, Forgery
from tests.labs.conftest import cases, labctl

NOT_AS_EXPECTED = 1
LIMIT_S = "6"
ON_BOTH = frozenset({"raises-itself", "raw-packets", "writes-the-supervisor-s-memory"})
"""Those that are run on every engine."""
NAMED = {forgery.name: forgery for forgery in FORGERIES}
CHECKS = {
    "calls": ["forgery._calls"],
    "elapsed": ["verdict._elapsed"],
    "exception": ["exceptions.differences"],
    "origin": ["forgery._origins"],
    "outcome": ["verdict._outcome"],
    "served": ["verdict.judge_served"],
    "stack": ["verdict._stack", "forgery._frames"],
    "tampered": ["forgery._tampering"],
    "wire": ["verdict.judge_wire"],
}
"""The functions of the judge that make the differences which are called so."""


def in_place_of_its_clients(
    scenario: str, forgeries: Collection[Forgery], folder: Path
) -> Path:  # fmt: skip
    """A copy of a scenario whose clients are forgeries, expected to do as the honest ones."""
    [path] = bundled_folder("scenarios").rglob(f"{scenario}.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    document["attempts"] = {
        # Scenarios have no aliases, which two that are the same object would get.
        forgery.name: {
            **deepcopy(document["attempts"][forgery.attempt]),
            "client": forgery.source,
        }
        for forgery in forgeries
        if forgery.scenario == scenario
    }
    copy = folder / f"{scenario}.yaml"
    copy.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return copy


@pytest.fixture(scope="module")
def attempts(
    tmp_path_factory: pytest.TempPathFactory, is_sample: bool
) -> Mapping[str, dict[str, Any]]:
    """The result of every forgery, by its name."""
    folder = tmp_path_factory.mktemp("forgeries")
    chosen = [one for one in FORGERIES if one.name in ON_BOTH or not is_sample]
    found: dict[str, dict[str, Any]] = {}
    for scenario in sorted({forgery.scenario for forgery in chosen}):
        file = in_place_of_its_clients(scenario, chosen, folder)
        done = labctl("run", file, "--timeout", LIMIT_S, "--json", "-")
        assert done.code == NOT_AS_EXPECTED, done.out + done.err
        found |= {one["attempt"]: one for one in done.document["attempts"]}
    return found


@pytest.mark.parametrize("name", cases(NAMED, both=ON_BOTH))
def test_a_forgery_fails_and_a_person_is_told_why(
    name: str, attempts: Mapping[str, dict[str, Any]]
) -> None:
    forgery, attempt = NAMED[name], attempts[name]
    assert attempt["verdict"] == "fail", attempt["observed"]
    told = [one for one in attempt["differences"] if one["what"] == forgery.caught_by[0]]
    assert any(forgery.says in one["message"] for one in told), (
        attempt["reasons"], attempt["observed"],
    )  # fmt: skip
    assert attempt["reasons"] == [one["message"] for one in attempt["differences"]]


def judged(
    attempt: Mapping[str, Any], without: Collection[str], monkeypatch: pytest.MonkeyPatch
) -> Judgement:
    """The judgement on what was observed, by a judge that lacks some checks."""
    expected = Expectation.model_validate_json(json.dumps(attempt["expected"]))
    with monkeypatch.context() as lacking:
        for function in (one for check in without for one in CHECKS[check]):
            lacking.setattr(f"labctl.judge.{function}", lambda *_: ())
        return judge(expected, Observation.model_validate(attempt["observed"]))


@pytest.mark.parametrize("name", cases(NAMED, both=ON_BOTH))
def test_without_the_checks_that_catch_it_it_would_pass(
    name: str, attempts: Mapping[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forgery, attempt = NAMED[name], attempts[name]
    checks = set(forgery.caught_by)
    assert list(judged(attempt, (), monkeypatch).reasons) == attempt["reasons"]
    passed = judged(attempt, checks, monkeypatch)
    assert (passed.reasons, passed.verdict) == ((), Verdict.PASS)
    for check in checks:
        alone = judged(attempt, checks - {check}, monkeypatch)
        assert alone.verdict is Verdict.FAIL, f"{check} by itself does not notice"


def test_one_by_itself_on_the_command_line(tmp_path: Path) -> None:
    forgery = NAMED["raises-itself"]
    client = tmp_path / "forged.py"
    client.write_text(forgery.source, "utf-8")
    done = labctl("run", forgery.scenario, "--attempt", forgery.attempt, "--client", client)
    assert done.code == NOT_AS_EXPECTED
    assert forgery.says in " ".join(done.out.split())
