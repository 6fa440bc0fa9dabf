"""What changed between two runs, as people read it and as other programs do."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.report.text import clip, listed, one_line, series
from labctl.results.changes import Change, Changes, Kind
from labctl.text import escape_control, pluralize

_WORDS = {
    Kind.WORSE: "worse",
    Kind.FAILS_NOW: "fails now",
    Kind.ENDS_OTHERWISE: "ends otherwise",
    Kind.EXCEPTION: "other exception",
    Kind.WIRE: "other wire",
    Kind.ATTRIBUTES: "other attributes",
    Kind.STACK: "other stack",
    Kind.MESSAGE: "other message",
    Kind.SLOWER: "slower",
    Kind.BETTER: "better",
    Kind.GONE: "gone",
    Kind.NEW: "new",
}
_STYLES = {Kind.WORSE: "bold red", Kind.FAILS_NOW: "red", Kind.BETTER: "green"}
_SHOWN = 40
"""Changes beyond which they are only counted."""
_WIDTH = 78
_LINES = 3
"""Lines of the longest text of what was and is."""


def render_changes(changes: Changes) -> RenderableType:
    """What the two runs had to run with, then each change, the worst first, those alike together,
    and how many attempts were compared.
    """
    alike: dict[tuple[object, ...], list[Change]] = {}
    for one in changes.attempts:
        alike.setdefault((one.kind, one.scenario, one.before, one.now), []).append(one)
    shown = list(alike.values())[:_SHOWN]
    lines = [*_setting(changes), *(line for group in shown for line in _change(group))]
    more = sum(len(group) for group in list(alike.values())[_SHOWN:])
    if more:
        lines += [Text(f"and {pluralize(more, 'change')} more; --json has them all", style="dim")]
        lines += [Text()]
    return Group(*lines, _summary(changes))


def _setting(changes: Changes) -> Iterator[Text]:
    for what, before, now in changes.setting:
        yield one_line(escape_control(f"{what}: {before} before, {now} now"), "dim")
    if changes.setting:
        yield Text()


def _change(group: Sequence[Change]) -> Iterator[Text]:
    first = group[0]
    names = listed(
        dict.fromkeys(escape_control(one.client or one.attempt) for one in group), most=4
    )
    pythons = listed(dict.fromkeys(map(_pythons, group)), most=4)
    word = _WORDS[first.kind]
    head = Text(f"{word}  ", style=_STYLES.get(first.kind, "bold"))
    head.append(
        clip(f"{escape_control(first.scenario)}/{names}  Python {pythons}", _WIDTH - len(word)), ""
    )
    yield head
    yield from _told("before", first.before)
    yield from _told("now", first.now)
    yield Text()


def _pythons(one: Change) -> str:
    before, now = one.pythons
    return series(now) if series(before) == series(now) else f"{series(before)} to {series(now)}"


def _told(word: str, text: str) -> Iterator[Text]:
    if not text:
        return
    lines = textwrap.wrap(escape_control(text), _WIDTH - 12)
    shown = lines[:_LINES]
    if len(lines) > _LINES:
        shown[-1] = clip(f"{shown[-1]} …", _WIDTH - 12)
    for number, line in enumerate(shown):
        yield Text(f"    {word + ':' if number == 0 else '':<8}{line}")


def _summary(changes: Changes) -> Text:
    counts = dict.fromkeys(Kind, 0)
    for one in changes.attempts:
        counts[one.kind] += 1
    told = [f"{number} {_WORDS[kind]}" for kind, number in counts.items() if number]
    compared = f"{pluralize(changes.compared, 'attempt')} compared"
    return Text(f"{compared}: {', '.join(told) or 'nothing changed'}")


def changes_json(changes: Changes) -> str:
    """The same as JSON, ending in a newline."""
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
