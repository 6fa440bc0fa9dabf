"""The labels that all of ours carries."""

from __future__ import annotations

import time

import pytest

from labctl.engine import labels
from labctl.engine.labels import Labels, of_runs


@pytest.fixture(autouse=True)
def _no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests on a real engine name one."""
    monkeypatch.delenv("LABCTL_OWNER", raising=False)


@pytest.fixture
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000.9)
    monkeypatch.setattr(labels, "own_process", lambda: "this one")


@pytest.mark.usefixtures("_noon")
def test_a_thing_belongs_to_a_run_and_expires_in_four_hours() -> None:
    assert Labels(run="beef").of(["a", "b"]) == {
        "labctl.run": "beef",
        "labctl.scenario": "a,b",
        "labctl.expires": "1014400",
        "labctl.process": "this one",
    }
    assert Labels(run="beef").of(["a"], lab="x")["labctl.lab"] == "x"


@pytest.mark.usefixtures("_noon")
def test_what_is_kept_says_so() -> None:
    kept = Labels(run="beef", keep=True).of(["a"])
    assert kept["labctl.keep"] == "1"
    assert kept["labctl.expires"] == "1014400"


def test_a_thing_has_an_owner_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_OWNER", "ada")
    assert Labels(run="beef").of(["a"])["labctl.owner"] == "ada"
    assert of_runs() == ("labctl.run", "labctl.owner=ada")
    assert of_runs("beef") == ("labctl.run=beef", "labctl.owner=ada")
    monkeypatch.setenv("LABCTL_OWNER", "")
    assert "labctl.owner" not in Labels(run="beef").of(["a"])
    assert of_runs() == ("labctl.run",)


def test_the_names_of_many_scenarios_are_cut() -> None:
    label = Labels(run="beef").of(f"scenario-{n}" for n in range(1000))["labctl.scenario"]
    assert len(label) == 200
    assert label.startswith("scenario-0,scenario-1,")
