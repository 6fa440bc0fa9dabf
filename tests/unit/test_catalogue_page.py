"""docs/catalogue.md is what the scenarios say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labctl.load.catalogue import Catalogue
from tests.unit.load.texts import SCENARIO, changed
from tools import catalogue

FILES = sorted((catalogue.ROOT / "scenarios").rglob("*.yaml"))
COMPOSE = catalogue.ROOT / "compose" / "lab.yaml"


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    status = catalogue.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_a_page_that_is_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "PAGE", tmp_path / "catalogue.md")
    for wrong in (None, "old"):
        if wrong:
            catalogue.PAGE.write_text(wrong)
        assert catalogue.main(["--check"]) == 1
        assert capsys.readouterr().err == (
            "docs/catalogue.md is not what the scenarios say: run python tools/catalogue.py\n"
        )
    assert catalogue.main([]) == 0
    assert catalogue.main(["--check"]) == 0


def test_every_scenario_has_its_entry() -> None:
    linked = re.findall(r"\]\(\.\./(scenarios/\S+\.yaml)\)", catalogue.PAGE.read_text("utf-8"))
    assert sorted(linked) == [path.relative_to(catalogue.ROOT).as_posix() for path in FILES]


def test_an_entry(tmp_path: Path) -> None:
    text = changed(
        SCENARIO,
        "    expect: {raises: ConnectionRefusedError}\n",
        """\
    expect:
      - {python: ">=3.11", raises: OSError, attrs: {errno: ECONNREFUSED}, wire: nothing}
      - raises: ExceptionGroup
        group: [{isa: ValueError}]
        cause: {raises: EOFError}
        wire: [dns closed.lab A answered, "tcp closed.lab:2525 reset"]
  other:
    client: "1"
    expect:
      - {python: ">=3.11", returns: "1"}
      - {returns: "2"}
""",
    )
    path = tmp_path / "scenarios" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(text)
    scenarios = Catalogue([path.parent], COMPOSE).all()
    section = catalogue.page(scenarios, tmp_path).partition("## tcp\n\n")[2].partition("\n\n")[0]
    columns, _, row = section.splitlines()
    assert [cell.strip() for cell in row.split(" | ")] == [
        "| **[mine](../scenarios/mine.yaml)**: Nothing listens",
        "socket, other",
        (
            "`OSError` (ECONNREFUSED); `ExceptionGroup` of some `ValueError` from `EOFError`;"
            " a value is returned"
        ),
        (
            "no packet at all; a connection to closed.lab:2525 is opened, then reset;"
            " the scenario does not say"
        ),
        (
            "socket: `OSError` (ECONNREFUSED) on `>=3.11`, `ExceptionGroup` of some `ValueError`"
            " from `EOFError` on other Pythons; other: another `returns` on `>=3.11`,"
            " other Pythons |"
        ),
    ]
    assert len(columns.split(" | ")) == len(row.split(" | "))
