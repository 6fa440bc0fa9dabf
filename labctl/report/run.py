"""The terminal's rendering of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.stacks import diff_lines, drawings
from labctl.report.tables import (
    LINES_LIMIT,
    attempt_lines,
    comparisons,
    repeat_lines,
    scenarios_by_python,
    summary_line,
)
from labctl.report.text import MARKS, STYLES, label, listed, one_line, series, word
from labctl.results.summary import interruption_note
from labctl.text import escape_control, escape_lines, pluralize

_DETAILS_LIMIT = 10
_REASONS_LIMIT = 8
_OUTPUT_LINES = 5
_NOT_AS_EXPECTED = (Verdict.FAIL, Verdict.INCONCLUSIVE)
_UNJUDGED = {"wire": "the wire", "served": "the servers' events"}


def render_run(result: Result) -> RenderableType:
    """All there is to say of a run: the attempts, why some failed, what broke, for one scenario
    its stacks as layers and its packets as a ladder, for several a table, and a summary. Drawings
    have 80 columns; lines of text are as wide as the terminal.
    """
    blocks = [list(block) for block in _blocks(result)]
    parts: list[RenderableType] = []
    for block in filter(None, blocks):
        parts += [*block, Text()]
    return Group(*parts, *_closing(result))


def _blocks(result: Result) -> Iterator[Sequence[RenderableType]]:
    attempts = result.attempts
    if any(one.repeat > 1 for one in attempts):
        yield repeat_lines(attempts)
    else:
        yield _attempts(attempts)
    yield from _failures(attempts)
    yield from _errors(attempts)
    yield comparisons(attempts)
    yield from _said(attempts)
    scenarios = {one.scenario for one in attempts}
    if len(scenarios) == 1:
        yield drawings(attempts)
    if len(scenarios) > 1 or len({series(one.python) for one in attempts}) > 1:
        yield [scenarios_by_python(attempts)]


def _attempts(attempts: Sequence[AttemptResult]) -> list[Text]:
    """A line for each attempt; only for those that did not pass where they are too many."""
    if len(attempts) <= LINES_LIMIT:
        return attempt_lines(attempts)
    rest = [one for one in attempts if one.verdict is not Verdict.PASS]
    lines = attempt_lines(rest[:LINES_LIMIT])
    hidden = len(attempts) - len(lines)
    return [*lines, Text(f"{pluralize(hidden, 'attempt')} not listed here", style="dim")]


def _failures(attempts: Sequence[AttemptResult]) -> Iterator[list[RenderableType]]:
    """What was not as expected, once for all repeats and Pythons in which that is the same."""
    alike: dict[tuple[str, ...], list[AttemptResult]] = {}
    for one in attempts:
        if one.verdict in _NOT_AS_EXPECTED:
            key = (one.scenario, one.attempt, one.client, *one.reasons)
            alike.setdefault(key, []).append(one)
    shown = list(alike.values())[:_DETAILS_LIMIT]
    yield from map(_failure, shown)
    if len(alike) > len(shown):
        more = len(alike) - len(shown)
        yield [Text(f"and {more} more ways to fail; --json FILE has them all", style="dim")]


def _failure(results: Sequence[AttemptResult]) -> list[RenderableType]:
    first = results[0]
    pythons = listed(dict.fromkeys(series(one.python) for one in results))
    head = _headline(first.verdict, f"{label(first)} on Python {pythons}")
    reasons = [_indented(reason) for reason in first.reasons[:_REASONS_LIMIT]]
    if len(first.reasons) > _REASONS_LIMIT:
        reasons.append(_indented(f"and {len(first.reasons) - _REASONS_LIMIT} more reasons"))
    return [head, *reasons, *diff_lines(first), *_output(first)]


def _headline(verdict: Verdict | None, text: str) -> Text:
    line = f"{MARKS[verdict]} {word(verdict)}  {text}"
    return one_line(line, STYLES[verdict])


def _indented(text: str) -> Padding:
    return Padding(Text(escape_control(text)), (0, 0, 0, 4), expand=False)


def _said(attempts: Sequence[AttemptResult]) -> Iterator[list[RenderableType]]:
    """What clients of one's own wrote, where that is not told with why they failed."""
    own = (one for one in attempts if one.client and one.verdict not in _NOT_AS_EXPECTED)
    for one in [one for one in own if any(_output(one))][:_DETAILS_LIMIT]:
        head = one_line(f"{label(one)} on Python {series(one.python)}", "bold")
        yield [head, *_output(one)]


def _output(result: AttemptResult) -> Iterator[Text]:
    """The last lines that a client wrote."""
    if result.observed is None:
        return
    for name in ("stdout", "stderr"):
        lines = escape_lines(getattr(result.observed, name).rstrip())
        if lines != [""]:
            cut = f", the last {_OUTPUT_LINES} of {len(lines)} lines"
            yield Text(f"    its {name}{cut if len(lines) > _OUTPUT_LINES else ''}:", style="dim")
            yield from (one_line(f"    │ {line}") for line in lines[-_OUTPUT_LINES:])


def _errors(attempts: Sequence[AttemptResult]) -> Iterator[list[RenderableType]]:
    """What broke, once for all attempts that could not be made for the same reason."""
    causes: dict[tuple[str, ...], list[AttemptResult]] = {}
    for one in attempts:
        if one.verdict is Verdict.ERROR:
            causes.setdefault(one.reasons, []).append(one)
    for reasons, broken in list(causes.items())[:_DETAILS_LIMIT]:
        names = listed(dict.fromkeys(label(one) for one in broken), most=4)
        number = pluralize(len(broken), "attempt")
        head = _headline(Verdict.ERROR, f"the lab broke, {number} not made: {names}")
        yield [head, *map(_paragraphs, reasons)]


def _paragraphs(text: str) -> Group:
    """A reason that may have several lines: a service's log stands in some."""
    return Group(*map(_indented, text.splitlines()))


def _closing(result: Result) -> Iterator[Text]:
    unjudged = Counter(chain.from_iterable(one.not_judged for one in result.attempts))
    for key, number in unjudged.items():
        where = f"{number} of {pluralize(len(result.attempts), 'attempt')}"
        yield Text(
            f"Not judged in {where}: {_UNJUDGED.get(key, escape_control(key))}.", style="dim"
        )
    if why := interruption_note(result):
        yield Text(why, style="bold red")
    yield summary_line(result.attempts)
