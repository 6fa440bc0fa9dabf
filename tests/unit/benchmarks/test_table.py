"""The table as printed, and its place in a document."""

from __future__ import annotations

import pytest

from benchmarks import attempts, one_lab, startup
from benchmarks.measure import Rows
from benchmarks.table import BEGIN, END, placed, render


def _startup(help_s: float) -> Rows:
    return Rows(
        {
            startup.TYPER: [0.1, 0.1, 0.1],
            startup.HELP: [help_s, help_s, 0.3],
            startup.BARE: [0.1, 0.1, 0.1],
            startup.EXPLAIN: [0.4, 0.4, 0.4],
        }
    )


def test_rows_in_milliseconds() -> None:
    lines = render(["machine  2 cores"], {"startup": _startup(0.12)}).splitlines()
    assert lines[:3] == ["machine  2 cores", "", "commands that need no engine, ms"]
    assert lines[3].split() == ["n", "median", "q1", "q3", "min"]
    assert lines[5].split() == ["labctl", "--help", "3", "120.0", "120.0", "210.0", "120.0"]


@pytest.mark.parametrize(("help_s", "verdict"), [(0.12, "met"), (0.15, "met"), (0.16, "not met")])
def test_aims_are_met_or_not(help_s: float, verdict: str) -> None:
    lines = render([], {"startup": _startup(help_s)}).splitlines()
    assert lines[-3].endswith(f"at most 1.5   {verdict}")


@pytest.mark.parametrize(("with_s", "verdict"), [(0.109, "met"), (0.111, "not met")])
def test_an_aim_may_be_a_difference(with_s: float, verdict: str) -> None:
    names = (attempts.IN_LAB, attempts.PROCESS, attempts.NO_OP, attempts.PYTHON, attempts.IMPORT)
    rows = Rows({attempts.row(name, 64): [0.1] for name in names})
    rows.add({attempts.row(attempts.BLIND, 64): 0.1})
    rows.seconds[attempts.row(attempts.IN_LAB, 64)] = [with_s]
    last = render([], {"attempts": rows}).splitlines()[-1]
    assert last.endswith(f"at most 10 ms {verdict}")


@pytest.mark.parametrize(("used_s", "verdict"), [(0.299, "met"), (0.301, "not met")])
def test_an_aim_may_be_a_time(used_s: float, verdict: str) -> None:
    used = one_lab.row(one_lab.LOCAL, one_lab.PROCESSOR)
    ended = [one_lab.row(name, one_lab.END) for name in (one_lab.LOCAL, one_lab.BY_HAND)]
    rows = Rows({name: [0.1] for name in ended} | {used: [used_s]})
    lines = render([], {"lab": rows}).splitlines()
    assert lines[lines.index(f"  {used}") + 1].endswith(f"at most 300 ms {verdict}")


def test_aims_of_parts_that_were_not_measured_are_left_out() -> None:
    assert one_lab.LABCTL_RUN not in render([], {"startup": _startup(0.1)})


def test_a_table_takes_the_place_of_the_one_before() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = placed(text, "new\n")
    assert once == f"before\n{BEGIN}\n\n```text\nnew\n```\n\n{END}\nafter\n"
    assert placed(once, "new\n") == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_the_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no lines"):
        placed(text, "new\n")
