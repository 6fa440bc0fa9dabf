"""A run as Markdown, for the summary of a step of GitHub Actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from labctl.model.result import Result, Verdict
from labctl.report.documents.evidence import evidence_lines, reason_lines
from labctl.report.failures import Failure, worst_failures
from labctl.report.markdown import code_block, code_element, table_head, table_row
from labctl.report.tables import summary_line
from labctl.report.wording import verdict_word
from labctl.results.summary import interruption_note
from labctl.text import clip, comma_list, pluralize

LIMIT = 1_000_000
"""Bytes of UTF-8. GitHub takes 1 MiB of a step, and nothing of what is longer."""
_TABLE = 100_000
"""Bytes of the rows of each table."""
_ENDING = 10_000
"""Bytes that are kept for what comes after the details, more than it can have."""
_DETAIL_LINES = 200
_DETAIL_WIDTH = 400
_CELL = 300
_NAMES = 4
_VERDICTS = (*Verdict, None)
_COLUMNS = ("verdict", "scenario", "attempt", "Python", "times", "why")


def step_summary(result: Result) -> str:
    """Return the Markdown for `$GITHUB_STEP_SUMMARY`, at most `LIMIT` bytes: how each Python did,
    what did not go as it should, with its evidence, and what had no room.
    """
    found = worst_failures(result.attempts)
    rows = list(_fitting(map(_failure_row, found), _TABLE))
    parts = [f"## labctl: {summary_line(result.attempts).plain}\n\n"]
    if why := interruption_note(result):
        parts.append(f"**{why}**\n\n")
    parts += [*_by_python(result), *(["\n", table_head(_COLUMNS), *rows] if rows else []), "\n"]
    details = list(_fitting(map(_details, found), LIMIT - _ENDING - sum(map(_size, parts))))
    parts += [*details, *_left_out(len(found) - len(rows), len(found) - len(details))]
    return "".join([*parts, _made_with(result)])


def _fitting(blocks: Iterable[str], room: int) -> Iterator[str]:
    """Yield the blocks that have room, up to the first that has none. `room` is in bytes."""
    for block in blocks:
        room -= _size(block)
        if room < 0:
            return
        yield block


def _size(text: str) -> int:
    """Return the size of a text in bytes."""
    return len(text.encode())


def _by_python(result: Result) -> Iterator[str]:
    """Yield the lines of a table of verdicts by Python."""
    if not result.attempts:
        return
    verdicts = [v for v in _VERDICTS if v or any(not one.verdict for one in result.attempts)]
    counts: dict[str, Counter[Verdict | None]] = {}
    for one in result.attempts:
        counts.setdefault(one.python, Counter())[one.verdict] += 1
    yield table_head(("Python", *map(verdict_word, verdicts)))
    lines = (
        table_row((_cell(name), *(str(own[v]) for v in verdicts))) for name, own in counts.items()
    )
    yield from _fitting(lines, _TABLE)


def _failure_row(failure: Failure) -> str:
    """Return a failure as a row of the table."""
    attempts = failure.attempts
    lines = [line for line in reason_lines(failure.first) if line.strip()]
    more = f" and {pluralize(len(lines) - 1, 'more line')}" if len(lines) > 1 else ""
    cells = (
        verdict_word(failure.verdict),
        _names(one.scenario for one in attempts),
        _names(one.client or one.attempt for one in attempts),
        _cell(failure.pythons),
        str(len(attempts)),
        _cell(lines[0] if lines else "") + more,
    )
    return table_row(cells)


def _names(names: Iterable[str]) -> str:
    """Return names as a cell, as many as there is room for."""
    return _cell(comma_list(dict.fromkeys(names), limit=_NAMES))


def _cell(text: str) -> str:
    """Return a text as a cell, cut and escaped."""
    return code_element(clip(text, _CELL))


def _details(failure: Failure) -> str:
    """Return a failure's evidence, to be opened."""
    lines = [clip(line, _DETAIL_WIDTH) for line in evidence_lines(failure.first)]
    if len(lines) > _DETAIL_LINES:
        lines = [*lines[:_DETAIL_LINES], f"({len(lines) - _DETAIL_LINES} more lines)"]
    # The empty lines end and begin again what is Markdown between the tags of HTML.
    title = f"<details><summary>{_cell(failure.title)}</summary>"
    block = code_block("\n".join(lines))
    return f"{title}\n\n{block}\n\n</details>\n\n"


def _left_out(rows: int, details: int) -> Iterator[str]:
    """Yield a sentence about the rows, and one about the details, that had no room; none where the
    number is 0.
    """
    if rows:
        yield f"{rows} more did not go as they should. The run's result has them all.\n\n"
    if details:
        few = "GitHub takes no more than 1 MiB"
        yield f"The details of {details} are left out, as {few}. The run's result has them.\n\n"


def _made_with(result: Result) -> str:
    """Return the line that names labctl and the engine."""
    engine = f"{result.engine.name} {result.engine.version}"
    return f"Made with labctl {_cell(result.labctl)} on {_cell(engine)}.\n"
