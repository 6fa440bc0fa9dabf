"""What is recorded on a real engine holds there, and is what a person would have written."""

from __future__ import annotations

from pathlib import Path

from tests.labs.conftest import labctl

PYTHONS = ("--python", "3.9,3.13")
BLANK = """\
name: blank
title: A firewall drops every packet
layer: tcp
story: The client's own timeout ends the wait.
services: [filtered]
target: {host: filtered.lab, port: 25}
attempts:
  create_connection:
    client: |
      import socket
      socket.create_connection(("filtered.lab", 25), timeout=1)

# the end
"""
EXPECT = """\
    expect:
      - python: ">=3.13"
        raises: TimeoutError
        attrs: {errno: null}
        cause: none
        context: none
        stack:
          - socket:create_connection
        elapsed: {min: 800ms, max: 10s}
        wire:
          - dns filtered.lab A answered
          - tcp filtered.lab:25 unanswered
        served: []
      - python: "<3.10"
        raises: socket.timeout
        attrs: {errno: null}
        cause: none
        context: none
        stack:
          - socket:create_connection
        elapsed: {min: 800ms, max: 10s}
        wire:
          - dns filtered.lab A answered
          - tcp filtered.lab:25 unanswered
        served: []
"""


def test_what_is_recorded_holds(tmp_path: Path) -> None:
    path = tmp_path / "blank.yaml"
    path.write_text(BLANK, "utf-8")
    shown = labctl("record", path, *PYTHONS)
    assert (shown.code, path.read_text("utf-8")) == (1, BLANK), shown.err
    done = labctl("record", path, *PYTHONS, "--yes")
    assert done.code == 0, done.err
    assert path.read_text("utf-8") == BLANK.replace("\n# the", f"{EXPECT}\n# the")
    assert labctl("run", path, *PYTHONS).code == 0
    assert labctl("record", path, *PYTHONS, "--all").code == 0


def test_what_one_starts_from_holds(tmp_path: Path) -> None:
    for layer in ("tcp", "dns", "http", "smtp"):
        made = labctl("new", f"my-{layer}", "--layer", layer, "--directory", tmp_path)
        assert made.code == 0, made.err
    done = labctl("run", "--scenarios", tmp_path)
    assert done.code == 0, done.out
    assert "4 attempts: 4 pass" in done.out
