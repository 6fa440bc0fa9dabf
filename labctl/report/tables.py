"""The parts of a run's report that set many attempts side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from labctl.model.result import AttemptResult, Verdict
from labctl.report.layout import pad_columns, single_line
from labctl.report.wording import (
    VERDICT_SIGNS,
    VERDICT_STYLES,
    attempt_label,
    outcome_line,
    python_series,
    sorted_pythons,
    verdict_word,
)
from labctl.results.summary import Repeats, group_repeats
from labctl.text import comma_list, escape_control, pluralize

LINES_LIMIT = 48
"""Attempts beyond which only those are listed that are not as they should be."""
_NAME_LIMIT = 30
_ROW_NAME_LIMIT = 24
_CELL_WIDTH = 8
"""Columns of `1 of 16` and of `unproven`; six of them stand beside the names in 80 columns."""
_COMPARISONS_LIMIT = 10
_OTHERS_LIMIT = 5
_CELL_WORDS = {
    Verdict.ERROR: "errors",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "unproven",
}
"""The worst verdict first."""


def attempt_lines(results: Sequence[AttemptResult]) -> list[Text]:
    """Return a line for each attempt: verdict, scenario and attempt, Python, time and outcome."""
    word_width = max((len(verdict_word(one.verdict)) for one in results), default=0)
    longest = max((cell_len(attempt_label(one)) for one in results), default=0)
    label_width = min(longest, _NAME_LIMIT)
    python_width = max((len(escape_control(one.python)) for one in results), default=0)
    lines = []
    for one in results:
        sign, word = VERDICT_SIGNS[one.verdict], verdict_word(one.verdict)
        line = single_line(f"{sign} {word:<{word_width}}", VERDICT_STYLES[one.verdict])
        label = pad_columns(attempt_label(one), label_width)
        facts = f"{escape_control(one.python):<{python_width}}  {one.elapsed_s:5.2f} s"
        line.append(f"  {label}  {facts}  {outcome_line(one)}", style="default")
        lines.append(line)
    return lines


def repeat_lines(results: Sequence[AttemptResult]) -> list[Text]:
    """Return how many repeats of each attempt agree, and the repeats that differ.

    Of more than `LINES_LIMIT` attempts, only those are listed whose repeats differ.
    """
    groups = group_repeats(results)
    shown = groups if len(groups) <= LINES_LIMIT else [group for group in groups if group.others]
    lines = [line for group in shown[:LINES_LIMIT] for line in _repeats(group)]
    if len(groups) > len(shown):
        agreeing = pluralize(len(groups) - len(shown), "attempt")
        lines.append(Text(f"{agreeing} more, in which all repeats agree", style="dim"))
    if len(shown) > LINES_LIMIT:
        lines.append(Text(f"{len(shown) - LINES_LIMIT} more in which they don't", style="dim"))
    return lines


def _repeats(group: Repeats) -> Iterator[Text]:
    """Yield the lines of an attempt's repeats: how many agree, and those that differ."""
    first = group.usual[0]
    agree = f"{len(group.usual)} of {len(group.usual) + len(group.others)} agree"
    label = f"{attempt_label(first)} on {escape_control(first.python)}"
    yield single_line(
        f"{VERDICT_SIGNS[first.verdict]} {agree}: {label}: {_verdict_and_outcome(first)}",
        "bold red" if group.others else VERDICT_STYLES[first.verdict],
    )
    for other in group.others[:_OTHERS_LIMIT]:
        yield single_line(f"    repeat {other.repeat}: {_verdict_and_outcome(other)}")
    if len(group.others) > _OTHERS_LIMIT:
        yield Text(f"    and {len(group.others) - _OTHERS_LIMIT} more repeats that differ")


def _verdict_and_outcome(result: AttemptResult) -> str:
    """Return verdict and outcome as a phrase."""
    return f"{verdict_word(result.verdict)}, {outcome_line(result)}"


def client_comparison_lines(results: Sequence[AttemptResult]) -> list[Text]:
    """Return the outcome of clients given with --client beside that of the scenario's own clients;
    once for all Pythons on which they are the same.
    """
    clients: dict[tuple[str, str], list[AttemptResult]] = {}
    for repeats in group_repeats(results):
        one = repeats.usual[0]
        clients.setdefault((one.scenario, one.python), []).append(one)
    groups: dict[tuple[str, ...], list[str]] = {}
    for (scenario, python), own in clients.items():
        if any(one.client for one in own) and not all(one.client for one in own):
            groups.setdefault((scenario, *_client_rows(own)), []).append(python_series(python))
    lines: list[Text] = []
    for (scenario, *rows), pythons in list(groups.items())[:_COMPARISONS_LIMIT]:
        head = f"{escape_control(scenario)} on Python {comma_list(pythons)}"
        lines += [Text(head, style="bold"), *map(single_line, rows)]
    if len(groups) > _COMPARISONS_LIMIT:
        more = len(groups) - _COMPARISONS_LIMIT
        lines.append(Text(f"and {more} more comparisons", style="dim"))
    return lines


def _client_rows(results: Sequence[AttemptResult]) -> Iterator[str]:
    """Yield a row for each client given, then one for all of the scenario's own clients that have
    the same outcome.
    """
    groups: dict[tuple[str, str], list[AttemptResult]] = {}
    for result in sorted(results, key=lambda one: not one.client):
        groups.setdefault((result.client, outcome_line(result)), []).append(result)
    for (client, outcome), members in groups.items():
        attempts = (escape_control(one.attempt) for one in members)
        names = escape_control(client) or comma_list(attempts, limit=2)
        yield f"  {pad_columns(names, _NAME_LIMIT)}  {outcome}"


def verdict_table(results: Sequence[AttemptResult]) -> Table:
    """Return a table with a row for each scenario and a column for each Python."""
    pythons = sorted_pythons(results)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    names = max((len(one.scenario) for one in results), default=0)
    table.add_column("scenario", overflow="fold", min_width=min(names, _ROW_NAME_LIMIT))
    for python in pythons:
        table.add_column(python, max_width=_CELL_WIDTH)
    verdicts: dict[str, dict[str, list[Verdict | None]]] = {}
    for one in results:
        cells = verdicts.setdefault(one.scenario, {})
        cells.setdefault(python_series(one.python), []).append(one.verdict)
    for scenario, cells in verdicts.items():
        row = (_cell(cells.get(python, ())) for python in pythons)
        table.add_row(Text(escape_control(scenario)), *row)
    return table


def _cell(verdicts: Sequence[Verdict | None]) -> Text:
    """Return `pass`, or the worst verdict and how many have it; `-` if nothing was judged."""
    counts = Counter(verdict for verdict in verdicts if verdict)
    total = counts.total()
    for verdict, word in _CELL_WORDS.items():
        if counts[verdict]:
            return Text(f"{counts[verdict]} of {total} {word}", style=VERDICT_STYLES[verdict])
    return Text("pass", style=VERDICT_STYLES[Verdict.PASS]) if total else Text("-")


def summary_line(results: Sequence[AttemptResult]) -> Text:
    """Return `24 attempts: 23 pass, 1 fail`."""
    if not results:
        return Text("no attempts were made", style="bold red")
    counts = Counter(one.verdict for one in results)
    parts = (f"{counts[v]} {verdict_word(v)}" for v in (*Verdict, None) if counts[v])
    good = counts[Verdict.PASS] + counts[None] == len(results)
    text = f"{pluralize(len(results), 'attempt')}: {', '.join(parts)}"
    return Text(text, style="bold green" if good else "bold red")
