"""Clients that misbehave, in real containers: each is an observation with a name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.process import weighed
from tests.bad_clients import BAD_CLIENTS, BadClient
from tests.docker.conftest import labctl

MEMORY_KIB = 150 * 1024
LIMIT_S = 4

REASONS = {
    "raised": "expected ConnectionRefusedError, but {exception} was raised",
    "returned": "expected ConnectionRefusedError, but nothing was raised: the client returned",
    "timed-out": "the client was still running when its 4.",
    "killed": "the client was killed ({signal})",
    "out-of-memory": "the client used up its memory and was killed",
    "exited": "the client ended its process before it raised or returned anything",
}
"""What a person is told of each outcome, at least."""


@pytest.mark.parametrize("bad", BAD_CLIENTS, ids=lambda bad: bad.name)
def test_a_bad_client_is_an_observation_and_labctl_stays_small(
    bad: BadClient, tmp_path: Path
) -> None:
    client = tmp_path / "bad.py"
    client.write_text(bad.source, "utf-8")
    document = tmp_path / "result.json"
    with (tmp_path / "out").open("wb") as output:
        code, kib = weighed(
            [sys.executable, "-m", "labctl", "run", "refused-port", "--attempt", "smtplib",
             "--client", str(client), "--timeout", str(LIMIT_S), "--json", str(document)],
            output=output,
        )  # fmt: skip
    out = (tmp_path / "out").read_text("utf-8")
    assert code == 1, out
    assert kib < MEMORY_KIB

    [attempt] = json.loads(document.read_text("utf-8"))["attempts"]
    observed = attempt["observed"]
    assert attempt["verdict"] == "fail"
    assert observed["outcome"] in bad.outcomes
    _check(bad, observed)
    told = REASONS[observed["outcome"]].format(
        exception=(observed["exception"] or {}).get("type"), signal=observed["signal"]
    )
    assert told in " ".join(attempt["reasons"])
    assert "\x1b" not in out
    assert "\0" not in out


def _check(bad: BadClient, observed: dict) -> None:  # type: ignore[type-arg]
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
    bomb = next(bad for bad in BAD_CLIENTS if bad.name == "fork-bomb")
    client = tmp_path / "bomb.py"
    client.write_text(bomb.source, "utf-8")
    done = labctl("run", "refused-port", "--client", client, "--timeout", "5", "--json", "-")
    verdicts = {one["attempt"]: one["verdict"] for one in done.document["attempts"]}
    assert verdicts.pop("bomb") is None
    assert set(verdicts.values()) == {"pass"}
    assert done.code == 0
