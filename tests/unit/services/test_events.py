"""What services say: one line an event, however much a client made them say."""

from __future__ import annotations

import json

import pytest

from labctl.services.events import LONGEST, emit, peer_name


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    emit("message", "198.18.0.130:4000", to="bob@lab.test", size=3)
    said = json.loads(capsys.readouterr().out)
    assert said.pop("at_s") > 0
    assert said == {
        "event": "message",
        "peer": "198.18.0.130:4000",
        "detail": {"to": "bob@lab.test", "size": 3},
    }


def test_text_of_a_clients_is_bounded_and_the_event_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit("message", to="x" * 10**6)
    out = capsys.readouterr().out
    assert len(out) < LONGEST + 200
    assert json.loads(out)["detail"]["to"].endswith("... (1000000 characters)")


def test_a_peer_is_address_and_port() -> None:
    assert peer_name(("198.18.0.130", 4000)) == "198.18.0.130:4000"
    assert peer_name(None) == ""
