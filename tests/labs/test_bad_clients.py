"""Clients that misbehave, in real containers: each is an observation with a name."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.load.bundled import bundled_folder
from tests.bad_clients import BAD_CLIENTS, BadClient
from tests.labs.conftest import cases, labctl

MEMORY_KIB = 150 * 1024
LIMIT_S = 4
BY_THEMSELVES = frozenset({"fork-bomb", "nul-in-source"})
"""Clients given with --client, in a run of their own: one that YAML has no way to write, and one
that takes so much of a machine that others would not be in time.
"""

ON_BOTH = frozenset({"infinite-loop", "gigabyte-of-memory", "fills-the-inodes", "segfault"})
"""Those of which each goes beyond another limit; they are run on every engine."""
NAMED = {bad.name: bad for bad in BAD_CLIENTS}

REASONS = {
    "raised": "expected ConnectionRefusedError, but {exception} was raised",
    "returned": "expected ConnectionRefusedError, but nothing was raised: the client returned",
    "timed-out": "the client was still running when its ",
    "killed": "the client was killed ({signal})",
    "out-of-memory": "the client used up its memory and was killed",
    "exited": "the client ended its process before it raised or returned anything",
}
"""What a person is told of each outcome, at least."""


@dataclass(frozen=True)
class Run:
    """A run of labctl with bad clients: its output, its memory at most, and the attempts."""

    out: str
    kib: int
    attempts: list[dict[str, Any]]


def run(folder: Path, *args: str | Path) -> Run:
    """Run labctl with these arguments; all clients fail."""
    document, weight = folder / "result.json", folder / "weight"
    given = (*args, "--timeout", str(LIMIT_S), "--json", document)
    done = labctl(weight, "run", *given, module="tests.labs.weighing")
    assert done.code == 1, done.out + done.err
    attempts = json.loads(document.read_text("utf-8"))["attempts"]
    return Run(done.out + done.err, int(weight.read_text("ascii")), attempts)


@pytest.fixture(scope="module")
def in_one_lab(tmp_path_factory: pytest.TempPathFactory, is_sample: bool) -> Run:
    """The bad clients in the places of a scenario's own clients, all in one lab."""
    folder = tmp_path_factory.mktemp("bad")
    [path] = bundled_folder("scenarios").rglob("refused-port.yaml")
    document = yaml.safe_load(path.read_text("utf-8"))
    honest = document["attempts"]["smtplib"]
    document["attempts"] = {
        # Scenarios have no aliases, which two that are the same object would get.
        bad.name: {**deepcopy(honest), "client": bad.source}
        for bad in BAD_CLIENTS
        if bad.name not in BY_THEMSELVES and (bad.name in ON_BOTH or not is_sample)
    }
    file = folder / "refused-port.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return run(folder, file)


@pytest.fixture
def ended(name: str, in_one_lab: Run, tmp_path: Path) -> Run:
    """The run in which that client was."""
    bad = NAMED[name]
    if name not in BY_THEMSELVES:
        return in_one_lab
    client = tmp_path / "bad.py"
    client.write_text(bad.source, "utf-8")
    return run(tmp_path, "refused-port", "--attempt", "smtplib", "--client", client)


@pytest.mark.parametrize("name", cases(NAMED, both=ON_BOTH))
def test_a_bad_client_is_an_observation_and_labctl_stays_small(name: str, ended: Run) -> None:
    bad = NAMED[name]
    assert ended.kib < MEMORY_KIB
    names = [one["attempt"] for one in ended.attempts]
    attempt = ended.attempts[names.index(bad.name) if len(names) > 1 else 0]
    observed = attempt["observed"]
    assert attempt["verdict"] == "fail"
    assert observed["outcome"] in bad.outcomes
    _check(bad, observed)
    told = REASONS[observed["outcome"]].format(
        exception=(observed["exception"] or {}).get("type"), signal=observed["signal"]
    )
    assert told in " ".join(attempt["reasons"])
    assert "\x1b" not in ended.out
    assert "\0" not in ended.out


def _check(bad: BadClient, observed: dict[str, Any]) -> None:
    exception = observed["exception"] or {}
    if bad.exception is not None and observed["outcome"] == "raised":
        assert exception["type"] == bad.exception
    if bad.message is not None:
        assert exception["message"] == bad.message
    if bad.signal is not None and observed["outcome"] == "killed":
        assert observed["signal"] == bad.signal
    if bad.exit is not None and observed["outcome"] in {"raised", "returned", "exited"}:
        assert observed["exit"] == bad.exit
    if bad.unhandled is not None:
        assert [one["exception"]["type"] for one in observed["unhandled"]] == [bad.unhandled]
    if bad.returned is not None:
        assert observed["returned"] == bad.returned


def test_honest_clients_beside_bad_ones_are_not_disturbed(tmp_path: Path) -> None:
    """A fork bomb that runs at the same time, in the same lab, costs the others nothing."""
    client = tmp_path / "bomb.py"
    client.write_text(NAMED["fork-bomb"].source, "utf-8")
    done = labctl("run", "refused-port", "--client", client, "--timeout", "5", "--json", "-")
    verdicts = {one["attempt"]: one["verdict"] for one in done.document["attempts"]}
    assert verdicts.pop("bomb") is None
    assert set(verdicts.values()) == {"pass"}
    assert done.code == 0
