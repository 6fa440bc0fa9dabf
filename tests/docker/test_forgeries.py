"""Clients that claim what did not happen, in real containers: none of them gets a pass.

Each is judged by what the attempt that it pretends to be must observe. Those of one scenario
share a lab: a copy of the scenario has them in place of its own clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.shared_files import share
from tests.docker.conftest import labctl
from tests.forgeries import FORGERIES, Forgery

NOT_AS_EXPECTED = 1
LIMIT_S = "6"


def in_place_of_its_clients(scenario: str, folder: Path) -> Path:
    """A copy of a scenario whose clients are the forgeries, expected to do as the honest ones."""
    [path] = share("scenarios").rglob(f"{scenario}.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    document["attempts"] = {
        forgery.name: {
            "client": forgery.source,
            # Scenarios have no aliases, which two that are the same object would get.
            "expect": deepcopy(document["attempts"][forgery.attempt]["expect"]),
        }
        for forgery in FORGERIES
        if forgery.scenario == scenario
    }
    copy = folder / f"{scenario}.yaml"
    copy.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return copy


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """The result of every forgery, by its name."""
    folder = tmp_path_factory.mktemp("forgeries")
    found: dict[str, dict[str, Any]] = {}
    for scenario in sorted({forgery.scenario for forgery in FORGERIES}):
        file = in_place_of_its_clients(scenario, folder)
        done = labctl("run", file, "--timeout", LIMIT_S, "--json", "-")
        assert done.code == NOT_AS_EXPECTED, done.out + done.err
        found |= {one["attempt"]: one for one in done.document["attempts"]}
    return found


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forgery_fails_and_a_person_is_told_why(
    forgery: Forgery, attempts: Mapping[str, dict[str, Any]]
) -> None:
    attempt = attempts[forgery.name]
    assert attempt["verdict"] == "fail", attempt["observed"]
    reasons = [one["message"] for one in attempt["differences"] if one["what"] == forgery.caught_by]
    assert any(forgery.says in reason for reason in reasons), (
        attempt["reasons"], attempt["observed"],
    )  # fmt: skip
    assert attempt["reasons"] == [one["message"] for one in attempt["differences"]]


def test_one_by_itself_on_the_command_line(tmp_path: Path) -> None:
    [forgery] = [one for one in FORGERIES if one.name == "raises-itself"]
    client = tmp_path / "forged.py"
    client.write_text(forgery.source, "utf-8")
    done = labctl("run", forgery.scenario, "--attempt", forgery.attempt, "--client", client)
    assert done.code == NOT_AS_EXPECTED
    assert forgery.says in " ".join(done.out.split())
