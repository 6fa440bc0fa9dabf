"""Filters for scenarios: by tag, layer, exception, client and text. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labctl.errors import UsageError, did_you_mean
from labctl.model.exceptions import known_names
from labctl.model.layers import LAYERS
from labctl.model.scenario import Attempt, Scenario
from labctl.run.selection import with_known_tags, with_tags


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Filters that a scenario must all match; of the values of one, it must match any.

    Raise UsageError for a layer that there can't be.
    """

    tags: Sequence[str] = ()
    layers: Sequence[str] = ()
    raises: Sequence[str] = ()
    clients: Sequence[str] = ()
    search: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError if there is no such layer."""
        for layer in self.layers:
            if layer not in LAYERS:
                raise UsageError(
                    f"there is no layer {layer}{did_you_mean(layer, LAYERS)}",
                    hint=f"there are {', '.join(LAYERS)}",
                )

    def apply(self, scenarios: Sequence[Scenario], *, complete: bool = True) -> list[Scenario]:
        """Return the scenarios that match, in their order.

        Raise UsageError for a tag that none has, if the scenarios are `complete`: else it may be
        in a file that could not be read.
        """
        chosen = scenarios
        if self.tags:
            chosen = (
                with_known_tags(scenarios, self.tags)
                if complete
                else with_tags(scenarios, self.tags)
            )
        return [one for one in chosen if self._matches(one)]

    def no_match_text(self) -> str:
        """Return the message that no scenario matches, with the exception that was probably
        meant.
        """
        given = {
            "--tag": self.tags,
            "--layer": self.layers,
            "--raises": self.raises,
            "--client": self.clients,
            "--search": [self.search] if self.search else [],
        }
        asked = [f"{option} {' or '.join(values)}" for option, values in given.items() if values]
        if not asked:
            return "there is no scenario"
        known = {name for full in known_names() for name in _names(full)}
        unknown = [name for name in self.raises if name not in known]
        meant = did_you_mean(unknown[0], known) if unknown else ""
        return f"no scenario fits {' and '.join(asked)}{meant}"

    def _matches(self, scenario: Scenario) -> bool:
        """Tell whether a scenario has everything that is asked for but the tags."""
        return (
            (not self.layers or scenario.layer in self.layers)
            and (not self.raises or not exceptions(scenario).isdisjoint(self.raises))
            and (not self.clients or not clients(scenario).isdisjoint(self.clients))
            and _folded(self.search) in _folded(_text(scenario))
        )


def exceptions(scenario: Scenario) -> set[str]:
    """Return every exception that a scenario expects somewhere, with its module and without."""
    return {
        name
        for attempt in scenario.attempts
        for variant in attempt.expectations
        for one in variant.everything()
        for name in _names(one.raises or one.isa or "")
    }


def _names(full: str) -> tuple[str, str]:
    """Return a dotted name, and its last part."""
    return full, full.rpartition(".")[2]


def clients(scenario: Scenario) -> set[str]:
    """Return the names of the clients, and of the modules that they import: `urllib.request`,
    `urllib`.
    """
    return {
        name for attempt in scenario.attempts for name in (attempt.name, *_with_parents(attempt))
    }


def _with_parents(attempt: Attempt) -> Iterator[str]:
    """Yield the modules that an attempt imports, and the packages that they are in."""
    for module in _imported(attempt.source):
        parts = module.split(".")
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _imported(source: str) -> Iterator[str]:
    """Yield the modules that a source imports, from anywhere in it; none if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _text(scenario: Scenario) -> str:
    """Return the text of a scenario that is searched."""
    return "\n".join((scenario.name, scenario.title, scenario.story, *scenario.tags))


def _folded(text: str) -> str:
    """Return a text in small letters, with one space between words."""
    return " ".join(text.casefold().split())
