"""The scripts of compose/lab.yaml are right, and its names are those of its own name server."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.services import ports
from labctl.services.zone import Zone

FILE = bundled_compose()
SERVICES = load_compose(FILE)
SCRIPTED = {
    name: s.environment["LAB_PORTS"] for name, s in SERVICES.items() if "LAB_PORTS" in s.environment
}


def test_every_script_is_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CERTIFICATES", str(folder))
    assert SCRIPTED
    for name, text in SCRIPTED.items():
        assert ports.parse(text), name


def test_the_answers_of_the_name_server_are_right() -> None:
    Zone("", SERVICES["dns"].environment["LAB_ANSWERS"])


def test_by_hand_the_name_server_has_every_name() -> None:
    pairs = [
        f"{alias}={network.ipv4_address}"
        for service in SERVICES.values()
        for network in service.networks.values()
        for alias in network.aliases
    ]
    assert SERVICES["dns"].environment["LAB_ZONE"].split() == pairs
