"""Which engine was chosen: in the environment, or by a verb for what it starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labctl.engines import ENGINE_VARIABLE, EngineName, choose_engine, chosen_engine, parse_engine
from labctl.errors import UsageError


def test_without_a_choice_labctl_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_engine() is EngineName.AUTO
    monkeypatch.setenv(ENGINE_VARIABLE, "")
    assert chosen_engine() is EngineName.AUTO


@pytest.mark.parametrize("name", EngineName)
def test_the_variable_chooses(monkeypatch: pytest.MonkeyPatch, name: EngineName) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, name.value)
    assert chosen_engine() is name


def test_a_choice_counts_more_than_what_was_there_and_for_processes_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "docker")
    choose_engine(EngineName.LOCAL)
    assert chosen_engine() is EngineName.LOCAL
    code = "from labctl.engines import chosen_engine; print(chosen_engine())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "local\n"


def test_a_name_that_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "dockr")
    with pytest.raises(UsageError) as caught:
        chosen_engine()
    assert (
        str(caught.value) == "LABCTL_ENGINE: there is no engine 'dockr'; did you mean \"docker\"?"
    )
    assert caught.value.hint == "it is one of docker, local, auto"


@pytest.mark.parametrize("name", ["Docker", " local", "podman"])
def test_names_are_taken_as_they_are(name: str) -> None:
    with pytest.raises(UsageError, match=f"here: there is no engine {name!r}"):
        parse_engine(name, what="here")
