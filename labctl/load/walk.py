"""Ways through a scenario's document, whatever in it may be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.load.yaml_reader import Document, Place


def attempts(document: Document) -> Iterator[str]:
    """Return the names of the attempts in a scenario's document."""
    found = document.get(("attempts",))
    yield from found if isinstance(found, dict) else ()


def variants(document: Document, attempt: str) -> list[Place]:
    """Return the places of the variants of an attempt's `expect`: one mapping, or several in a
    list.
    """
    place = ("attempts", attempt, "expect")
    expect = document.get(place)
    return [(*place, n) for n in range(len(expect))] if isinstance(expect, tuple) else [place]


def texts(document: Document, place: Place) -> Iterator[tuple[Place, str]]:
    """Return the texts in the list at a place of a document."""
    items = document.get(place)
    for index, item in enumerate(items if isinstance(items, tuple) else ()):
        if isinstance(item, str):
            yield (*place, index), item
