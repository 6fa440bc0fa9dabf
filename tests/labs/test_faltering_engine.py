"""An engine that is restarted in the middle of a run costs nothing; one that stays away, the rest.

These tests restart an engine of their own, and run with --all, as root.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from labctl.engine.access import open_engine
from labctl.engine.images.names import LAB, client_image, libraries_image
from tests.labs.conftest import labctl
from tests.labs.footprints import DockerFootprint, Footprint
from tests.labs.nested_engine import NestedEngine, nested_engine
from tests.labs.test_cleanup import guards, start, until

pytestmark = [pytest.mark.whole, pytest.mark.docker]

SERIES = "3.13"
IMAGES = (LAB, client_image(SERIES), libraries_image(SERIES))
RUN_S = 3600
WAITING = "labctl: the engine does not answer; waiting up to 60 s\n"


@pytest.fixture(scope="module")
def nested(engine: docker.APIClient) -> Iterator[NestedEngine]:
    """An engine with the images of one Python."""
    find = open_engine().images().find
    with nested_engine(engine.info()["Driver"]) as made:
        made.load(engine, [str(find(image)) for image in IMAGES])
        yield made


@pytest.fixture
def on_nested(
    nested: NestedEngine, owner: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Footprint]:
    """What labs of these tests have on that engine, which labctl uses meanwhile."""
    monkeypatch.setenv("DOCKER_HOST", nested.address)
    client = nested.client()
    yield DockerFootprint(client, owner)
    client.close()


def clients_made(footprint: Footprint) -> Callable[[], int]:
    """How many clients were seen so far."""
    seen: set[str] = set()

    def made() -> int:
        seen.update(name for name in footprint.containers() if "-client-" in name)
        return len(seen)

    return made


def verdicts(document: dict[str, Any]) -> set[str]:
    return {one["verdict"] for one in document["attempts"]}


def test_an_engine_that_is_restarted_in_the_middle_of_the_catalogue_costs_no_result(
    nested: NestedEngine, on_nested: Footprint, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    run = start("run", "--all", "--python", SERIES, "--jobs", "2", "--json", str(file))
    made = clients_made(on_nested)
    for clients, number in ((40, signal.SIGTERM), (120, signal.SIGKILL)):
        until(lambda least=clients: made() >= least, f"{clients} clients", limit_s=RUN_S)  # type: ignore[misc]
        nested.end(number)
        nested.start()
    out, err = run.communicate(timeout=RUN_S)
    assert run.returncode == 0, (out, err)
    assert err.count(WAITING) in (1, 2), err
    document = json.loads(file.read_text("utf-8"))
    assert verdicts(document) == {"pass"}
    assert document["interrupted"] is False
    assert on_nested.all() == []


def test_an_engine_that_stays_away_keeps_the_results_that_were_won(
    nested: NestedEngine, on_nested: Footprint, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    attempts = ("refused-port", "--python", SERIES, "--repeat", "50", "--jobs", "2")
    run = start("run", *attempts, "--json", str(file))
    made = clients_made(on_nested)
    until(lambda: made() >= 9, "nine clients")
    [guard] = guards(run)
    nested.end()
    out, err = run.communicate(timeout=RUN_S)
    assert run.returncode == 4, (out, err)
    assert err.count(WAITING) == 1
    assert "warning" not in err, "the attempts' reasons tell it"
    document = json.loads(file.read_text("utf-8"))
    assert verdicts(document) == {"pass", "error"}
    nested.start()
    cleaned = labctl("clean")
    assert cleaned.code == 0, cleaned.err
    assert on_nested.all() == []
    until(lambda: not Path(f"/proc/{guard}").exists(), "the end of the guard")
