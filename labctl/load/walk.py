"""Ways through a scenario's document, whatever in it may be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.load.yaml_reader import Document, Place


def attempts(document: Document) -> Iterator[str]:
    """The names of the attempts."""
    found = document.get(("attempts",))
    yield from found if isinstance(found, dict) else ()


def variants(document: Document, attempt: str) -> list[Place]:
    """Where the variants of an attempt's `expect` stand: one, or several in a list."""
    place = ("attempts", attempt, "expect")
    expect = document.get(place)
    return [(*place, n) for n in range(len(expect))] if isinstance(expect, tuple) else [place]


def texts(document: Document, place: Place) -> Iterator[tuple[Place, str]]:
    """What is text in the list at a place."""
    items = document.get(place)
    for index, item in enumerate(items if isinstance(items, tuple) else ()):
        if isinstance(item, str):
            yield (*place, index), item
