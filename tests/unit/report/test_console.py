"""Colour, width and encoding of consoles."""

from __future__ import annotations

import io
import os
import sys

import pytest
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labctl.report.console import make_console


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def stdout(
    monkeypatch: pytest.MonkeyPatch, *, encoding: str = "utf-8", terminal: bool = False
) -> io.BytesIO:
    raw = io.BytesIO()
    kind = Terminal if terminal else io.TextIOWrapper
    monkeypatch.setattr(sys, "stdout", kind(raw, encoding=encoding, write_through=True))
    return raw


def test_without_a_terminal_there_is_no_colour_and_lines_have_80_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = stdout(monkeypatch)
    # Standard input may still be a terminal, of any width.
    monkeypatch.setattr(os, "get_terminal_size", lambda _fd: os.terminal_size((132, 40)))
    console = make_console()
    console.print("pass", style="bold red")
    assert (raw.getvalue(), console.width) == (b"pass\n", 80)


def test_columns_counts_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout(monkeypatch)
    monkeypatch.setenv("COLUMNS", "120")
    assert make_console().width == 120
    monkeypatch.setenv("COLUMNS", "wide")
    assert make_console().width == 80


def test_a_terminal_has_colour_unless_no_color_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, terminal=True)
    make_console().print("pass", style="red")
    assert b"\x1b[31m" in raw.getvalue()
    raw = stdout(monkeypatch, terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    make_console().print("pass", style="red")
    assert raw.getvalue() == b"pass\n"


def test_text_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, terminal=True)
    make_console().print("[bold]x[/bold] :smile: 12")
    assert raw.getvalue() == b"[bold]x[/bold] :smile: 12\n"


def test_a_stream_that_lacks_a_character_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, encoding="ascii")
    make_console().print("✔ ├─ ╰▶ … é")
    assert raw.getvalue() == b"+ |- `> ~ \\xe9\n"


def test_what_our_own_drawing_has_is_shown_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, encoding="cp1252")
    make_console().print("✔ ✘ ├─ │ ╰▶ → … · é")
    assert raw.getvalue().decode("cp1252") == "+ x |- | `> > … · é\n"


def test_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, "ascii", write_through=True))
    make_console(stderr=True).print("no ✘")
    assert raw.getvalue() == b"no x\n"


def test_lines_end_where_their_text_does(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch)
    table = Table("name", "what", box=None)
    table.add_row("a", Text("  red  ", style="red"))
    table.add_row("longer", "")
    make_console().print(table, Padding("x\ny  y ", 1), "  ", "end")
    assert raw.getvalue().decode().splitlines() == [
        " name    what",
        " a         red",
        " longer",
        "",
        " x",
        " y  y",
        "",
        "   end",
    ]
