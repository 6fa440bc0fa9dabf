"""`labctl compare` on an engine made of locks."""

from __future__ import annotations

import json

import pytest

from labctl.model.comparison import Comparison
from tests.unit.cli.bench import Bench
from tests.unit.cli.conftest import Labctl
from tests.unit.load.texts import SCENARIO, write

NEEDY = """\
  httpx:
    requires: [httpx]
    client: import httpx
    expect: {raises: TimeoutError}
"""


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write("mine.yaml", SCENARIO)
    return Bench(labctl, monkeypatch)


def test_a_table(bench: Bench, labctl: Labctl) -> None:
    done = labctl("compare", "mine.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("mine on Python 3.13.5\n")
    assert "worth a retry?" in done.out
    assert bench.engine.said[-1] == "unguarded"


@pytest.mark.usefixtures("bench")
def test_a_document(labctl: Labctl) -> None:
    write("mine.yaml", SCENARIO + NEEDY)
    done = labctl("compare", "mine.yaml", "--python", "3.9", "--json", "-")
    assert done.code == 1
    found = json.loads(done.out)
    assert (found["schema"], found["python"]) == ("labctl-comparison/1", "3.9.5")
    assert set(found) == set(Comparison.model_validate(found).model_dump(by_alias=True))
    assert [(one["attempt"], one["verdict"], one["libraries"]) for one in found["clients"]] == [
        ("socket", "pass", {}), ("httpx", "fail", {"httpx": "0.28.1"}),
    ]  # fmt: skip


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize("pythons", ["all", "3.9,3.13"])
def test_one_python_at_a_time(labctl: Labctl, pythons: str) -> None:
    done = labctl("compare", "mine.yaml", "--python", pythons)
    assert (done.code, done.out) == (2, "")
    assert "a comparison is on one Python" in done.err
