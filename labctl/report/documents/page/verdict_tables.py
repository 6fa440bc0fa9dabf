"""Verdicts by Python and by layer; each number leads to the attempts that it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.documents.page.order import WORST_FIRST, layer_of, layers_of
from labctl.report.html import Markup, tag
from labctl.report.wording import python_series, sorted_pythons, verdict_word


def filter_link(**wanted: str) -> str:
    """Return the link to the list that shows only some of the attempts."""
    return f"#{urlencode(wanted, errors='replace')}"


def verdict_tables(result: Result) -> Iterator[Markup]:
    """Return the HTML tables of verdicts: by Python, and by layer if the document knows layers."""
    yield _table(
        result.attempts,
        "Python",
        sorted_pythons(result.attempts),
        lambda one: python_series(one.python),
    )
    if layers_of(result):
        yield _table(result.attempts, "Layer", layers_of(result), lambda one: layer_of(result, one))


def _table(
    attempts: Sequence[AttemptResult],
    what: str,
    names: Sequence[str],
    name_of: Callable[[AttemptResult], str],
) -> Markup:
    """Return a table of names by verdicts. Each number is a link to the attempts that it counts."""
    counts = Counter((name_of(one), one.verdict) for one in attempts)
    met = {one.verdict for one in attempts} | {Verdict.PASS, Verdict.FAIL}
    shown = [one for one in WORST_FIRST if one in met]
    titles = (tag("th", verdict_word(one), scope="col") for one in shown)
    rows = (
        tag(
            "tr",
            tag("th", tag("bdi", name), scope="row"),
            *(_cell(what, name, one, counts[name, one]) for one in shown),
        )
        for name in names
    )
    table = tag(
        "table", tag("thead", tag("tr", tag("th", what, scope="col"), *titles)),
        tag("tbody", *rows),
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", f"By {what if what == 'Python' else what.lower()}"),
        table,
        class_="card",
    )


def _cell(what: str, name: str, verdict: Verdict | None, number: int) -> Markup:
    """Return a cell with a number and its link."""
    if not number:
        return tag("td", tag("span", "·", aria_hidden="true"), class_="none")
    href = filter_link(verdict=verdict_word(verdict), **{what.lower(): name})
    return tag("td", tag("a", f"{number:,}", href=href, class_=verdict_word(verdict)))
