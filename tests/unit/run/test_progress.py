"""What a progress bar writes, to a terminal and to a file."""

from __future__ import annotations

import io
import sys

import pytest

from labctl.engine.images.maker import ProgressEvent
from labctl.run.progress import Bar

VARIABLES = ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def written(monkeypatch: pytest.MonkeyPatch, *, terminal: bool = False) -> str:
    """What a run of two attempts and an image writes to stderr."""
    raw = io.BytesIO()
    kind = Terminal if terminal else io.TextIOWrapper
    monkeypatch.setattr(sys, "stderr", kind(raw, encoding="utf-8", write_through=True))
    bar = Bar("attempts", 2)
    bar.begin()
    bar.attempt(1)
    bar.image(ProgressEvent(image="labctl/lab", text="building", fraction=0.5))
    bar.image(ProgressEvent(image="labctl/lab", text="built", fraction=1.0, finished=True))
    bar.note("a note")
    bar.stop()
    return raw.getvalue().decode()


def test_on_a_terminal_a_bar_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written(monkeypatch, terminal=True)
    assert "attempts: 1 of 2" in text
    assert "\x1b[?25l" in text  # the cursor is hidden


def test_a_file_gets_only_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch) == "labctl/lab: built\na note\n"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_nothing_moves_in_a_file_whatever_the_environment_claims_it_to_be(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert written(monkeypatch) == "labctl/lab: built\na note\n"
