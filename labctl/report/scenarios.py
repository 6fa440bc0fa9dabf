"""Scenarios for `labctl list` and `labctl show`: as a terminal shows them, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import chop_cells
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labctl.model.scenario import Attempt, Scenario
from labctl.report.expectation import expectation_lines, expected_endings
from labctl.report.layout import clip_columns, unwrap_paragraphs
from labctl.report.topology import draw_topology
from labctl.results.attempt import expected_json
from labctl.text import comma_list, escape_control, escape_lines, pluralize

_WIDTH = 80
_SOURCE_LIMIT = 200
_SOURCE_WIDTH = 73
_NAME_LIMIT = 28


def render_scenarios(scenarios: Sequence[Scenario]) -> RenderableType:
    """Return a table with name, layer and title of each scenario; below the title are its clients
    and how they are expected to end.
    """
    names = max((len(one.name) for one in scenarios), default=0)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("name", overflow="fold", width=min(max(names, 4), _NAME_LIMIT))
    table.add_column("layer", no_wrap=True)
    table.add_column("title", overflow="fold")
    for one in scenarios:
        table.add_row(Text(escape_control(one.name)), Text(one.layer), _title_cell(one))
    return Group(table, Text(), Text(pluralize(len(scenarios), "scenario")))


def _title_cell(scenario: Scenario) -> RenderableType:
    """Return a scenario's title, clients and expectations as a cell."""
    endings = dict.fromkeys(end for one in scenario.attempts for end in expected_endings(one))
    clients = ", ".join(attempt.name for attempt in scenario.attempts)
    lines = (f"clients: {clients}", f"expects: {', '.join(endings)}")
    details = Group(*(Text(escape_control(line)) for line in lines))
    return Group(Text(escape_control(scenario.title)), Padding(details, (0, 0, 0, 2)))


def render_scenario(scenario: Scenario) -> RenderableType:
    """Return what a person wants to know of a scenario before a run, in 80 columns: the story, the
    drawing of its hosts, the source of each client, and what is expected of it.
    """
    head = Text(escape_control(scenario.name), style="bold")
    head.append(f"  {escape_control(scenario.title)}", style="default")
    tags = f", tags {comma_list(map(escape_control, scenario.tags))}" if scenario.tags else ""
    facts = f"layer {scenario.layer}{tags}, {escape_control(str(scenario.path))}"
    story = [Text(line) for line in unwrap_paragraphs(scenario.story)]
    drawing = [Text(line) for line in draw_topology(scenario)]
    attempts = [line for attempt in scenario.attempts for line in _attempt(attempt)]
    return Group(head, Text(facts, style="dim"), Text(), *story, *drawing, *attempts)


def _attempt(attempt: Attempt) -> Iterator[Text]:
    """Yield lines about an attempt: its source and what it expects."""
    yield Text()
    yield Text(f"client {escape_control(attempt.name)}", style="bold")
    source = escape_lines(attempt.source.rstrip())
    for number, line in enumerate(source[:_SOURCE_LIMIT], 1):
        for part, text in enumerate(chop_cells(line, _SOURCE_WIDTH) or [""]):
            yield Text(f"{'' if part else number:4} │ {text}")
    if len(source) > _SOURCE_LIMIT:
        yield Text(f"     │ and {len(source) - _SOURCE_LIMIT} more lines", style="dim")
    for variant in attempt.expectations:
        where = f" on Python {variant.python}" if variant.python else ""
        yield Text(f"  expected{where}:", style="cyan")
        for line in expectation_lines(variant):
            yield Text(clip_columns(f"    {escape_control(line)}", _WIDTH))


def scenarios_json(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """Return what `labctl list` shows. `expects` has for each client its variants, with the keys of
    `expect:`.
    """
    return [_entry(scenario) for scenario in scenarios]


def scenario_json(scenario: Scenario) -> dict[str, Any]:
    """Return an entry of `scenarios_json` with the story, the services and the clients' sources."""
    return {
        **_entry(scenario),
        "story": scenario.story,
        "compose": str(scenario.compose),
        "exclusive": scenario.exclusive,
        "target": scenario.target.model_dump(mode="json"),
        "services": [
            {"name": one.name, "image": one.image, "aliases": list(one.aliases)}
            for one in scenario.services
        ],
        "sources": {
            one.name: {"origin": one.origin, "source": one.source} for one in scenario.attempts
        },
    }


def _entry(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as JSON."""
    return {
        "name": scenario.name,
        "title": scenario.title,
        "layer": scenario.layer,
        "tags": list(scenario.tags),
        "path": str(scenario.path),
        "clients": [one.name for one in scenario.attempts],
        "expects": {
            one.name: [expected_json(variant) for variant in one.expectations]
            for one in scenario.attempts
        },
    }
