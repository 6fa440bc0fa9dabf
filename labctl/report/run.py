"""The report of a run on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.failures import Failure, group_failures
from labctl.report.layout import indented, single_line
from labctl.report.stacks import draw_stacks, stack_diff_lines
from labctl.report.tables import (
    LINES_LIMIT,
    attempt_lines,
    client_comparison_lines,
    repeat_lines,
    summary_line,
    verdict_table,
)
from labctl.report.wording import (
    EVIDENCE_WORDS,
    VERDICT_SIGNS,
    VERDICT_STYLES,
    attempt_label,
    python_list,
    python_series,
    verdict_word,
)
from labctl.results.summary import interruption_note
from labctl.text import escape_control, escape_lines, is_shortened, pluralize

_DETAILS_LIMIT = 10
_REASONS_LIMIT = 8
_OUTPUT_LINES = 5
_INDENT = 4
_NOT_AS_EXPECTED = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def render_run(result: Result) -> RenderableType:
    """Return all there is to say of a run: the attempts, why some failed, what broke, and a
    summary; for a single scenario its stacks and its packets, for several a table of verdicts.

    Drawings have 80 columns; lines of text are as wide as the terminal.
    """
    parts: list[RenderableType] = []
    for block in filter(None, map(list, _blocks(result))):
        parts += [*block, Text()]
    return Group(*parts, *_closing_lines(result))


def _blocks(result: Result) -> Iterator[Sequence[RenderableType]]:
    """Yield the blocks of the report: attempts, failures, errors and closing lines."""
    attempts = result.attempts
    if any(one.repeat > 1 for one in attempts):
        yield repeat_lines(attempts)
    else:
        yield _attempts(attempts)
    failures = group_failures(attempts)
    yield from _failures([one for one in failures if one.verdict in _NOT_AS_EXPECTED])
    errors = [one for one in failures if one.verdict is Verdict.ERROR]
    yield from map(_error, errors[:_DETAILS_LIMIT])
    yield client_comparison_lines(attempts)
    yield from _other_outputs(attempts)
    scenarios = {one.scenario for one in attempts}
    if len(scenarios) == 1:
        yield draw_stacks(attempts)
    if len(scenarios) > 1 or len(python_list(attempts)) > 1:
        yield [verdict_table(attempts)]


def _attempts(attempts: Sequence[AttemptResult]) -> list[Text]:
    """Return a line for each attempt; of too many, only for those that did not pass."""
    if len(attempts) <= LINES_LIMIT:
        return attempt_lines(attempts)
    not_passed = [one for one in attempts if one.verdict is not Verdict.PASS]
    lines = attempt_lines(not_passed[:LINES_LIMIT])
    hidden = pluralize(len(attempts) - len(lines), "attempt")
    return [*lines, Text(f"{hidden} not listed here", style="dim")]


def _failures(failures: Sequence[Failure]) -> Iterator[list[RenderableType]]:
    """Yield a block for each failure, as many as are shown."""
    yield from map(_failure, failures[:_DETAILS_LIMIT])
    if len(failures) > _DETAILS_LIMIT:
        more = len(failures) - _DETAILS_LIMIT
        yield [Text(f"and {more} more ways to fail; --json FILE has them all", style="dim")]


def _failure(failure: Failure) -> list[RenderableType]:
    """Return the lines of a failure."""
    first = failure.first
    head = _headline(failure.verdict, f"{attempt_label(first)} on Python {failure.pythons}")
    reasons = [_reason(text) for text in first.reasons[:_REASONS_LIMIT]]
    if len(first.reasons) > _REASONS_LIMIT:
        reasons.append(_reason(f"and {len(first.reasons) - _REASONS_LIMIT} more reasons"))
    return [head, *reasons, *stack_diff_lines(first), *_output_lines(first)]


def _headline(verdict: Verdict, text: str) -> Text:
    """Return the first line of a failure, in the colour of its verdict."""
    line = f"{VERDICT_SIGNS[verdict]} {verdict_word(verdict)}  {text}"
    return single_line(line, VERDICT_STYLES[verdict])


def _reason(text: str) -> Padding:
    """Return a reason, indented."""
    return indented(escape_control(text), _INDENT)


def _error(failure: Failure) -> list[RenderableType]:
    """Return what broke the lab. A reason may have several lines: it may quote a service's log."""
    number = pluralize(len(failure.attempts), "attempt")
    head = _headline(failure.verdict, f"the lab broke, {number} not made: {failure.labels}")
    lines = [_reason(line) for reason in failure.first.reasons for line in reason.splitlines()]
    return [head, *lines]


def _other_outputs(attempts: Sequence[AttemptResult]) -> Iterator[list[RenderableType]]:
    """Yield the output of each client given with --client that did not fail."""
    own = (one for one in attempts if one.client and one.verdict not in _NOT_AS_EXPECTED)
    for one in [one for one in own if any(_output_lines(one))][:_DETAILS_LIMIT]:
        head = single_line(f"{attempt_label(one)} on Python {python_series(one.python)}", "bold")
        yield [head, *_output_lines(one)]


def _output_lines(result: AttemptResult) -> Iterator[Text]:
    """Yield the last lines that a client wrote to stdout and to stderr."""
    if result.observed is None:
        return
    for name in ("stdout", "stderr"):
        whole = getattr(result.observed, name).rstrip()
        lines = escape_lines(whole)
        if lines != [""]:
            shown = _shown_part(len(lines), is_known=not is_shortened(whole))
            yield Text(f"    its {name}{shown}:", style="dim")
            yield from (single_line(f"    │ {line}") for line in lines[-_OUTPUT_LINES:])


def _shown_part(number: int, *, is_known: bool) -> str:
    """Return which lines of an output are shown, as text; empty if all are. It had `number` lines,
    or more if the number `is_known` no longer.
    """
    if number <= _OUTPUT_LINES:
        return ""
    return f", the last {_OUTPUT_LINES} {f'of {number} lines' if is_known else 'lines'}"


def _closing_lines(result: Result) -> Iterator[Text]:
    """Yield the last lines: what was not judged, and the summary."""
    not_judged = Counter(chain.from_iterable(one.not_judged for one in result.attempts))
    for key, number in not_judged.items():
        where = f"{number} of {pluralize(len(result.attempts), 'attempt')}"
        what = EVIDENCE_WORDS.get(key, escape_control(key))
        yield Text(f"Not judged in {where}: {what}.", style="dim")
    if note := interruption_note(result):
        yield Text(note, style="bold red")
    yield summary_line(result.attempts)
