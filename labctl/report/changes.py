"""What changed between two runs, as a terminal shows it and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.report.layout import clip_columns, single_line
from labctl.report.wording import python_series
from labctl.results.changes import Change, ChangeKind, Changes
from labctl.text import comma_list, escape_control, pluralize

_WORDS = {
    ChangeKind.WORSE: "worse",
    ChangeKind.FAILS_NOW: "fails now",
    ChangeKind.ENDS_OTHERWISE: "ends otherwise",
    ChangeKind.EXCEPTION: "other exception",
    ChangeKind.WIRE: "other wire",
    ChangeKind.ATTRIBUTES: "other attributes",
    ChangeKind.STACK: "other stack",
    ChangeKind.MESSAGE: "other message",
    ChangeKind.SLOWER: "slower",
    ChangeKind.BETTER: "better",
    ChangeKind.GONE: "gone",
    ChangeKind.NEW: "new",
}
_STYLES = {ChangeKind.WORSE: "bold red", ChangeKind.FAILS_NOW: "red", ChangeKind.BETTER: "green"}
_CHANGES_LIMIT = 40
"""Changes beyond which they are only counted."""
_WIDTH = 78
_LINES_LIMIT = 3
"""Lines of one text, before or now, beyond which it is cut."""


def render_changes(changes: Changes) -> RenderableType:
    """Return how the two runs were set up differently, then the changes, the worst first and equal
    ones together, and how many attempts were compared.
    """
    groups: dict[tuple[object, ...], list[Change]] = {}
    for one in changes.attempts:
        groups.setdefault((one.kind, one.scenario, one.before, one.now), []).append(one)
    shown, hidden = list(groups.values())[:_CHANGES_LIMIT], list(groups.values())[_CHANGES_LIMIT:]
    lines = [*_setting(changes), *(line for group in shown for line in _change(group))]
    if hidden:
        more = pluralize(sum(map(len, hidden)), "change")
        lines += [Text(f"and {more} more; --json has them all", style="dim"), Text()]
    return Group(*lines, _summary(changes))


def _setting(changes: Changes) -> Iterator[Text]:
    """Yield a line for each thing that the two runs had otherwise."""
    for what, before, now in changes.setting:
        yield single_line(escape_control(f"{what}: {before} before, {now} now"), "dim")
    if changes.setting:
        yield Text()


def _change(group: Sequence[Change]) -> Iterator[Text]:
    """Yield the lines about attempts that changed in the same way."""
    first = group[0]
    clients = dict.fromkeys(escape_control(one.client or one.attempt) for one in group)
    names = f"{escape_control(first.scenario)}/{comma_list(clients, limit=4)}"
    pythons = comma_list(dict.fromkeys(map(_pythons, group)), limit=4)
    word = _WORDS[first.kind]
    head = Text(f"{word}  ", style=_STYLES.get(first.kind, "bold"))
    head.append(clip_columns(f"{names}  Python {pythons}", _WIDTH - len(word)), "")
    yield head
    yield from _text_lines("before", first.before)
    yield from _text_lines("now", first.now)
    yield Text()


def _pythons(change: Change) -> str:
    """Return the Python series of a change; both, if they differ."""
    before, now = map(python_series, change.pythons)
    return now if before == now else f"{before} to {now}"


def _text_lines(label: str, text: str) -> Iterator[Text]:
    """Yield the text in wrapped lines, the label before the first; nothing if it is empty."""
    if not text:
        return
    lines = textwrap.wrap(escape_control(text), _WIDTH - 12)
    shown = lines[:_LINES_LIMIT]
    if len(lines) > _LINES_LIMIT:
        shown[-1] = clip_columns(f"{shown[-1]} …", _WIDTH - 12)
    for number, line in enumerate(shown):
        yield Text(f"    {label + ':' if number == 0 else '':<8}{line}")


def _summary(changes: Changes) -> Text:
    """Return the line that counts the changes by kind."""
    counts = dict.fromkeys(ChangeKind, 0)
    for one in changes.attempts:
        counts[one.kind] += 1
    parts = [f"{number} {_WORDS[kind]}" for kind, number in counts.items() if number]
    compared = f"{pluralize(changes.compared, 'attempt')} compared"
    return Text(f"{compared}: {', '.join(parts) or 'nothing changed'}")


def changes_json(changes: Changes) -> str:
    """Return the document `labctl-changes/1`, ending in a newline."""
    document = {
        "schema": "labctl-changes/1",
        "worse": changes.worse,
        "compared": changes.compared,
        "setting": [{"what": w, "before": b, "now": n} for w, b, n in changes.setting],
        "attempts": [
            {
                "kind": _WORDS[one.kind],
                "scenario": one.scenario,
                "attempt": one.attempt,
                "client": one.client,
                "python": {"before": one.pythons[0], "now": one.pythons[1]},
                "before": one.before,
                "now": one.now,
            }
            for one in changes.attempts
        ],
    }
    return json.dumps(document, indent=2) + "\n"
