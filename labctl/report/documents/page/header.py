"""The head of the page: how it went, by verdict, Python and layer, and what it was made with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from labctl.model.result import Result, Verdict
from labctl.report.documents.page.environment import environment_card
from labctl.report.documents.page.order import WORST_FIRST
from labctl.report.documents.page.rows import verdict_badge
from labctl.report.documents.page.verdict_tables import filter_link, verdict_tables
from labctl.report.html import Markup, join, tag
from labctl.report.wording import verdict_word
from labctl.results.summary import interruption_note
from labctl.text import pluralize

_BAD = {
    Verdict.ERROR: "could not be made",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "inconclusive",
}
_UNJUDGED = {"wire": "the wire", "served": "the servers' events"}
_MINUTE, _HOUR = 60, 3600


def headline(result: Result) -> str:
    """Return the headline: `3 of 1,200 attempts failed, 1 inconclusive`, `all 12 attempts
    passed`.
    """
    counts = Counter(one.verdict for one in result.attempts)
    total = len(result.attempts)
    bad = [f"{counts[verdict]:,} {what}" for verdict, what in _BAD.items() if counts[verdict]]
    if not total:
        return "No attempts were made"
    if bad:
        return f"Of {total:,} attempts, {', '.join(bad)}"
    passed, whole = counts[Verdict.PASS], "the attempt" if total == 1 else f"all {total:,} attempts"
    if passed == total:
        return f"{whole} passed".capitalize()
    return f"{passed:,} of {total:,} attempts passed, none failed"


def worst_verdict(result: Result) -> Verdict | None:
    """Return the worst verdict of a result; `pass` if there is none."""
    found = {one.verdict for one in result.attempts}
    return next((one for one in WORST_FIRST if one in found), Verdict.PASS)


def page_header(result: Result) -> Markup:
    """Return the HTML of the page's header."""
    return tag(
        "header",
        tag("p", *_eyebrow(result), class_="soft"),
        tag("h1", headline(result)),
        *_notes(result),
        _bar(result),
        _tiles(result),
        tag("div", *verdict_tables(result), environment_card(result), class_="cards"),
    )


def _eyebrow(result: Result) -> Iterator[Markup | str]:
    """Yield the small line above the title: version, date and duration."""
    yield f"labctl {result.labctl}"
    began = _moment(result.started)
    if began:
        stamp = tag("time", f"{began:%d %B %Y, %H:%M} UTC", datetime=began.isoformat())
        yield join(" · ", stamp)
    if result.took_s:
        yield f" · {duration_text(result.took_s)}"


def _moment(seconds: float) -> datetime | None:
    """Return a time as a date. Return None if it is none: a document may contain any number."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def duration_text(seconds: float) -> str:
    """Return a duration for people: `4 min 12 s`, `12.3 s`."""
    if not 0 <= seconds < 1e9:  # noqa: PLR2004 years; and what is no number at all
        return "unknown"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def _notes(result: Result) -> Iterator[Markup]:
    """Yield notes on what was cut short, or not judged."""
    if text := interruption_note(result):
        yield tag("p", tag("strong", text), class_="note")
    unjudged = Counter(chain.from_iterable(one.not_judged for one in result.attempts))
    said = [
        f"{_UNJUDGED.get(key, key)} in {number:,} of {pluralize(len(result.attempts), 'attempt')}"
        for key, number in unjudged.items()
    ]
    if said:
        yield tag("p", f"Not judged: {'; '.join(said)}.", class_="soft")


def _bar(result: Result) -> Markup:
    """Return a bar of the verdicts' shares. The tiles below it say the same in numbers."""
    total = len(result.attempts) or 1
    counts, left, parts = Counter(one.verdict for one in result.attempts), 0.0, []
    for verdict in WORST_FIRST:
        width = 100 * counts[verdict] / total
        if width:
            parts.append(
                tag(
                    "rect", x=f"{left:.3f}%", width=f"{width:.3f}%", height="100%",
                    class_=verdict_word(verdict),
                )
            )  # fmt: skip
        left += width
    return tag("svg", *parts, class_="bar", aria_hidden="true")


def _tiles(result: Result) -> Markup:
    """Return a tile for each verdict, with its number."""
    counts = Counter(one.verdict for one in result.attempts)
    shown = [one for one in WORST_FIRST if counts[one] or one]
    tiles = (
        tag(
            "li",
            tag(
                "a",
                verdict_badge(one),
                tag("strong", f"{counts[one]:,}"),
                href=filter_link(verdict=verdict_word(one)),
            ),
        )
        for one in shown
    )
    return tag("ul", *tiles, class_="tiles")
