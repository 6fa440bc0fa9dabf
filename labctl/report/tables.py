"""The parts of a run's report that set many attempts side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from labctl.model.result import AttemptResult, Verdict
from labctl.report.text import (
    MARKS,
    STYLES,
    label,
    listed,
    one_line,
    outcome_line,
    pad,
    series,
    word,
)
from labctl.results.summary import Repeats, group_repeats
from labctl.text import escape_control, pluralize

LINES_LIMIT = 48
"""Attempts beyond which only those are listed that are not as they should be."""
_NAME_LIMIT = 30
_ROW_NAME_LIMIT = 24
_CELL_WIDTH = 8
"""Columns of `1 of 16` and of `unproven`; six of them stand beside the names in 80 columns."""
_COMPARED_LIMIT = 10
_OTHERS_LIMIT = 5


def attempt_lines(results: Sequence[AttemptResult]) -> list[Text]:
    """One line for each: verdict, scenario and attempt, Python, time and what came of it."""
    words = max((len(word(one.verdict)) for one in results), default=0)
    names = min(max((cell_len(label(one)) for one in results), default=0), _NAME_LIMIT)
    pythons = max((len(escape_control(one.python)) for one in results), default=0)
    lines = []
    for one in results:
        line = one_line(f"{MARKS[one.verdict]} {word(one.verdict):<{words}}", STYLES[one.verdict])
        facts = f"{escape_control(one.python):<{pythons}}  {one.elapsed_s:5.2f} s"
        line.append(f"  {pad(label(one), names)}  {facts}  ", style="default")
        line.append(outcome_line(one), style="default")
        lines.append(line)
    return lines


def repeat_lines(results: Sequence[AttemptResult]) -> list[Text]:
    """For each attempt how many of its repeats agree, and which ones don't; only where some
    don't if the attempts are too many.
    """
    found = group_repeats(results)
    shown = found if len(found) <= LINES_LIMIT else [group for group in found if group.others]
    lines = [line for group in shown[:LINES_LIMIT] for line in _group_lines(group)]
    if len(found) > len(shown):
        agreeing = pluralize(len(found) - len(shown), "attempt")
        lines.append(Text(f"{agreeing} more, in which all repeats agree", style="dim"))
    if len(shown) > LINES_LIMIT:
        lines.append(Text(f"{len(shown) - LINES_LIMIT} more in which they don't", style="dim"))
    return lines


def _group_lines(group: Repeats) -> Iterator[Text]:
    first = group.usual[0]
    agree = f"{len(group.usual)} of {len(group.usual) + len(group.others)} agree"
    yield one_line(
        f"{MARKS[first.verdict]} {agree}: {label(first)} on {escape_control(first.python)}: "
        f"{word(first.verdict)}, {outcome_line(first)}",
        "bold red" if group.others else STYLES[first.verdict],
    )
    for other in group.others[:_OTHERS_LIMIT]:
        yield one_line(f"    repeat {other.repeat}: {word(other.verdict)}, {outcome_line(other)}")
    if len(group.others) > _OTHERS_LIMIT:
        yield Text(f"    and {len(group.others) - _OTHERS_LIMIT} more repeats that differ")


def comparisons(results: Sequence[AttemptResult]) -> list[Text]:
    """What a client of one's own got, beside what the scenario's own clients got; once for all
    Pythons on which that is the same.
    """
    places: dict[tuple[str, str], list[AttemptResult]] = {}
    for group in group_repeats(results):
        one = group.usual[0]
        places.setdefault((one.scenario, one.python), []).append(one)
    alike: dict[tuple[str, ...], list[str]] = {}
    for (scenario, python), place in places.items():
        if any(one.client for one in place) and not all(one.client for one in place):
            alike.setdefault((scenario, *_compared(place)), []).append(series(python))
    lines: list[Text] = []
    for (scenario, *rows), pythons in list(alike.items())[:_COMPARED_LIMIT]:
        lines.append(Text(f"{escape_control(scenario)} on Python {listed(pythons)}", style="bold"))
        lines += map(one_line, rows)
    if len(alike) > _COMPARED_LIMIT:
        lines.append(Text(f"and {len(alike) - _COMPARED_LIMIT} more comparisons", style="dim"))
    return lines


def _compared(place: Sequence[AttemptResult]) -> Iterator[str]:
    """A row for each client given, then one for all of the scenario's own that got the same."""
    alike: dict[tuple[str, str], list[AttemptResult]] = {}
    for result in sorted(place, key=lambda r: not r.client):
        alike.setdefault((result.client, outcome_line(result)), []).append(result)
    for (client, outcome), members in alike.items():
        who = escape_control(client) or listed((escape_control(m.attempt) for m in members), most=2)
        yield f"  {pad(who, _NAME_LIMIT)}  {outcome}"


def scenarios_by_python(results: Sequence[AttemptResult]) -> Table:
    """A row for each scenario, a column for each Python, and in each cell how the attempts went."""
    pythons = sorted({series(r.python) for r in results}, key=_numbers)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    names = max((len(r.scenario) for r in results), default=0)
    table.add_column("scenario", overflow="fold", min_width=min(names, _ROW_NAME_LIMIT))
    for python in pythons:
        table.add_column(python, max_width=_CELL_WIDTH)
    for scenario in dict.fromkeys(r.scenario for r in results):
        own = [r for r in results if r.scenario == scenario]
        cells = [_cell([r.verdict for r in own if series(r.python) == p]) for p in pythons]
        table.add_row(Text(escape_control(scenario)), *cells)
    return table


def _numbers(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split(".") if part.isdigit())


def _cell(verdicts: Sequence[Verdict | None]) -> Text:
    """`pass`, or the worst verdict and how many got it; `-` where nothing was judged."""
    counts = Counter(verdict for verdict in verdicts if verdict)
    total = counts.total()
    worst = (
        (Verdict.ERROR, "errors"),
        (Verdict.FAIL, "failed"),
        (Verdict.INCONCLUSIVE, "unproven"),
    )
    for verdict, what in worst:
        if counts[verdict]:
            return Text(f"{counts[verdict]} of {total} {what}", style=STYLES[verdict])
    return Text("pass", style=STYLES[Verdict.PASS]) if total else Text("-")


def summary_line(results: Sequence[AttemptResult]) -> Text:
    """`24 attempts: 23 pass, 1 fail`."""
    counts = Counter(word(r.verdict) for r in results)
    order = [word(verdict) for verdict in (*Verdict, None)]
    parts = ", ".join(f"{counts[name]} {name}" for name in order if counts[name])
    good = not any(r.verdict not in (Verdict.PASS, None) for r in results)
    text = f"{pluralize(len(results), 'attempt')}: {parts}" if results else "no attempts were made"
    return Text(text, style="bold green" if good and results else "bold red")
