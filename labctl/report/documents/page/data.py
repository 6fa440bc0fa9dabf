"""A result -> all that a page tells of it once a reader asks: small, and each text only once."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.documents.page import observation
from labctl.report.documents.page.facts import compare_facts
from labctl.report.documents.page.order import WORST_FIRST, layer_of, layers_of
from labctl.report.documents.page.string_table import StringTable, milliseconds
from labctl.report.html import Json
from labctl.report.rerun import rerun_command
from labctl.report.wording import python_series, sorted_pythons, verdict_word
from labctl.text import comma_list

_REASONS = 20


@dataclass(frozen=True, kw_only=True)
class DetailLimits:
    """How much of each attempt is kept: characters of a text, of an output and of that of one that
    passed, and rows of a ladder. Of more than `attempts`, the last are left out.
    """

    text: int
    output: int
    passed: int
    rows: int
    attempts: int


def page_data(
    result: Result, attempts: Sequence[AttemptResult], folder: str, depth: DetailLimits
) -> dict[str, Json]:
    """Return the page's data. `attempts` are in the order of its rows. A number in them, in
    `blocks` and in lists there is the index of one of `texts`, unless its name says otherwise.

    A part that has nothing to say is left out. `folder` is the one that the page will be in.
    """
    pool = StringTable(depth.text)
    known: dict[str, Json] = {
        "verdicts": [verdict_word(verdict) for verdict in WORST_FIRST],
        "layers": [pool.text(name) for name in layers_of(result)],
        "pythons": [pool.text(name) for name in sorted_pythons(result.attempts)],
    }
    places = _Places(layers_of(result), sorted_pythons(result.attempts))
    told = [_attempt(result, one, folder, depth, pool) | places.of(result, one) for one in attempts]
    return known | {"attempts": told, "texts": pool.texts, "blocks": pool.blocks}


class _Places:
    """What attempts are filtered by, as numbers: which verdict, which layer, which Python."""

    def __init__(self, layers: Sequence[str], pythons: Sequence[str]) -> None:
        """Take the layers and Pythons that the page lists."""
        self._layers = {name: number for number, name in enumerate(layers)}
        self._pythons = {name: number for number, name in enumerate(pythons)}

    def of(self, result: Result, attempt: AttemptResult) -> dict[str, Json]:
        """Return the places of an attempt in the lists of verdicts, layers and Pythons. An unknown
        layer is -1.
        """
        return {
            "verdict": WORST_FIRST.index(attempt.verdict),
            "layer": self._layers.get(layer_of(result, attempt), -1),
            "python": self._pythons[python_series(attempt.python)],
        }


def _attempt(
    result: Result, attempt: AttemptResult, folder: str, depth: DetailLimits, pool: StringTable
) -> dict[str, Json]:
    """Return an attempt's details as JSON for the page's scripts."""
    told: dict[str, Json] = {
        "reasons": [pool.head(reason, 5 * depth.text) for reason in attempt.reasons[:_REASONS]],
        "facts": pool.block([[pool.text(a), pool.text(b)] for a, b in facts(result, attempt)]),
        "again": pool.text(rerun_command(result, attempt)),
        **_seen(attempt, depth, pool),
        **_drawn(attempt, depth, pool),
    }
    if attempt.because:
        told["because"] = pool.text(attempt.because)
    if attempt.capture:
        told["capture"] = [pool.text(attempt.capture), relative_url(attempt.capture, folder)]
    return {name: value for name, value in told.items() if value != []}


def _seen(attempt: AttemptResult, depth: DetailLimits, pool: StringTable) -> dict[str, Json]:
    """Return what was observed of an attempt, as JSON."""
    seen = attempt.observed
    if seen is None:
        return {}
    lines = [
        [line.mark, pool.text(line.what), pool.text(line.expected), pool.text(line.observed)]
        for line in compare_facts(attempt)
    ]
    most = depth.passed if attempt.verdict is Verdict.PASS else depth.output
    outputs = {
        name: pool.tail(text, most)
        for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr))
        if text.strip() and most
    }
    return {
        "compared": pool.block(list(lines)),
        "stack": pool.block(observation.stack_layers(seen, pool)),
        "chain": pool.block(observation.exception_chain(seen, pool)),
        "ended": milliseconds(seen.elapsed_s),
        **outputs,
    }


def _drawn(attempt: AttemptResult, depth: DetailLimits, pool: StringTable) -> dict[str, Json]:
    """Return an attempt's ladder, or else its timeline, as JSON."""
    if attempt.ladder is None or not depth.rows:
        return {"moments": observation.timeline_moments(attempt, pool) if depth.rows else []}
    return {
        "ladder": pool.block(observation.ladder_json(attempt.ladder, depth.rows, pool)),
        "times": observation.ladder_times(attempt.ladder, depth.rows),
    }


def facts(result: Result, attempt: AttemptResult) -> Iterator[tuple[str, str]]:
    """Yield names and values of what there is to know about an attempt besides what happened."""
    info = result.scenarios.get(attempt.scenario)
    if info:
        line = info.lines.get(attempt.attempt)
        yield "Scenario", info.title
        yield "Layer", info.layer
        if info.tags:
            yield "Tags", ", ".join(info.tags)
        if info.path:
            yield "File", f"{info.path}:{line}" if line else info.path
    yield "Python", attempt.python
    if attempt.client:
        yield "Client", attempt.client
    if attempt.libraries:
        pairs = (f"{name} {version}" for name, version in attempt.libraries.items())
        yield "Libraries", comma_list(pairs)
    if attempt.observed and attempt.observed.sockets:
        yield "Left open", comma_list(attempt.observed.sockets)
    if attempt.not_judged:
        yield "Not judged", comma_list(attempt.not_judged)


def relative_url(path: str, folder: str) -> str:
    """Return the relative URL of a file from a page in the folder. Both paths are relative to the
    current folder, and neither has to exist.
    """
    return quote(os.path.relpath(path, folder or "."), errors="replace")
