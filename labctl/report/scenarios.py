"""Scenarios as people read them and as other programs do: the list of all, and one in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import chop_cells
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from labctl.model.scenario import Attempt, Scenario
from labctl.report.expected import brief, expectation_lines
from labctl.report.picture import picture
from labctl.report.text import clip, flowing, listed
from labctl.results.attempt import expected_json
from labctl.text import escape_control, escape_lines, pluralize

_SOURCE_LIMIT = 200
_SOURCE_WIDTH = 73
_NAME_LIMIT = 28


def list_table(scenarios: Sequence[Scenario]) -> RenderableType:
    """Name, layer and title of each scenario; below the title its clients and what they are to
    meet. Names are broken only where they are longer than a line.
    """
    names = max((len(one.name) for one in scenarios), default=0)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("name", overflow="fold", width=min(max(names, 4), _NAME_LIMIT))
    table.add_column("layer", no_wrap=True)
    table.add_column("title", overflow="fold")
    for one in scenarios:
        ends = dict.fromkeys(end for attempt in one.attempts for end in brief(attempt))
        clients = ", ".join(attempt.name for attempt in one.attempts)
        facts = (
            Text(escape_control(f"clients: {clients}")),
            Text(escape_control(f"expects: {', '.join(ends)}")),
        )
        about = Group(Text(escape_control(one.title)), Padding(Group(*facts), (0, 0, 0, 2)))
        table.add_row(Text(escape_control(one.name)), Text(one.layer), about)
    return Group(table, Text(), Text(pluralize(len(scenarios), "scenario")))


def show(scenario: Scenario) -> RenderableType:
    """All of a scenario that a person wants to know before running it, in 80 columns: the story,
    who talks to whom, the clients, and what is expected of them.
    """
    head = Text(escape_control(scenario.name), style="bold")
    head.append(f"  {escape_control(scenario.title)}", style="default")
    tags = f", tags {listed(map(escape_control, scenario.tags))}" if scenario.tags else ""
    facts = Text(f"layer {scenario.layer}{tags}, {escape_control(str(scenario.path))}", style="dim")
    story = [Text(line) for line in flowing(scenario.story)]
    drawing = [Text(line) for line in picture(scenario)]
    attempts = [line for attempt in scenario.attempts for line in _attempt(attempt)]
    return Group(head, facts, Text(), *story, *drawing, *attempts)


def _attempt(attempt: Attempt) -> Iterator[Text]:
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
        yield from (
            Text(clip(f"    {escape_control(line)}", 80)) for line in expectation_lines(variant)
        )


def list_json(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """What `list` shows. `expects` has for each client its variants as `expect:` writes them."""
    return [_entry(scenario) for scenario in scenarios]


def show_json(scenario: Scenario) -> dict[str, Any]:
    """What `show` shows: the entry of `list`, the story, the services and the clients' sources."""
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
        "sources": {one.name: _source(one) for one in scenario.attempts},
    }


def _entry(scenario: Scenario) -> dict[str, Any]:
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


def _source(attempt: Attempt) -> dict[str, str]:
    return {"origin": attempt.origin, "source": attempt.source}
