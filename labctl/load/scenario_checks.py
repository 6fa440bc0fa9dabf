"""What must fit together in a scenario, and with its services: variants, and lines of `served:`.

This looks at the document, not at a model of it: so a mistake hides no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from labctl.errors import InputError, did_you_mean
from labctl.load.walk import attempts, texts, variants
from labctl.load.yaml_reader import Document, Place, with_place
from labctl.model.base import NAME_PATTERN
from labctl.model.compose import Service
from labctl.model.served import ServedLine, parse_served


def impossible_variants(document: Document) -> Iterator[InputError]:
    """Yield an error for each variant that can never be the first to match."""
    for name in attempts(document):
        seen: dict[str, Place] = {}
        for place in variants(document, name):
            if "" in seen:
                yield _after_unconditional(place, seen[""], document)
                break
            specifier = _specifier(place, document)
            if specifier in seen:
                line = document.where(seen[specifier]).line
                message = f"has the same `python` as the variant in line {line}"
                yield InputError(with_place(place, message), where=document.where(place))
            elif specifier is not None:
                seen[specifier] = place


def _specifier(variant: Place, document: Document) -> str | None:
    """Return the variant's version specifier in one spelling, "" for all Pythons. Return None if it
    is wrong.
    """
    text = document.get((*variant, "python"))
    if text is None and isinstance(document.get(variant), dict):
        return ""
    try:
        return str(SpecifierSet(text)) if isinstance(text, str) else None
    except InvalidSpecifier:
        return None


def _after_unconditional(place: Place, earlier: Place, document: Document) -> InputError:
    """Return the error for a variant after one without `python`."""
    line = document.where(earlier).line
    message = f"can never count: the variant in line {line} has no `python` and matches first"
    hint = "put the variant without `python` last"
    return InputError(with_place(place, message), where=document.where(place), hint=hint)


def unknown_services(
    document: Document, services: Mapping[str, Service], compose: Path
) -> Iterator[InputError]:
    """Yield an error for each service that the Compose file does not have."""
    for place, name in texts(document, ("services",)):
        if name not in services and re.fullmatch(NAME_PATTERN, name):
            yield InputError(
                with_place(place, f'no service is called "{name}"{did_you_mean(name, services)}'),
                where=document.where(place),
                hint=f"{compose} has: {', '.join(services)}",
            )


def unsayable_lines(document: Document, lab: Sequence[Service]) -> Iterator[InputError]:
    """Yield an error for each line of `served:` that none of the services can write."""
    services = {service.name: service for service in lab}
    for place in (variant for name in attempts(document) for variant in variants(document, name)):
        for here, text in texts(document, (*place, "served")):
            line = _parsed(text)
            if line and (found := unsayable(line, services)):
                message, hint = found
                yield InputError(with_place(here, message), where=document.where(here), hint=hint)


def _parsed(text: str) -> ServedLine | None:
    """Parse a line of `served`. Return None if it is wrong."""
    try:
        return parse_served(text)
    except ValueError:
        return None


def unsayable(line: ServedLine, services: Mapping[str, Service]) -> tuple[str, str] | None:
    """Return what these services can't write in a line of `served:`, and what they can write
    instead.
    """
    service, event = line.service, line.event
    if service not in services:
        message = f'no service of the scenario is called "{service}"'
        return f"{message}{did_you_mean(service, services)}", f"it has: {', '.join(services)}"
    events = services[service].events
    if events is None:
        return None
    if event not in events:
        hint = f"it says: {', '.join(events)}" if events else "it says nothing of its clients"
        return f'{service} never says "{event}"{did_you_mean(event, events)}', hint
    for key in line.detail:
        if key not in events[event]:
            meant = did_you_mean(key, events[event])
            message = f'{service} says no "{key}" with {event}{meant}'
            return message, f"keys that it says: {', '.join(events[event]) or 'none'}"
    return None
