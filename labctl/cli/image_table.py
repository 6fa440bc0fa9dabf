"""Images as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.engine.images.status import ImageStatus

_COLUMNS = ("IMAGE", "STATE", "PYTHON", "FROM", "SIZE", "ID")
_MB = 1_000_000
_ID_DIGITS = 12


def table_by_engine(images: Mapping[str, list[ImageStatus]]) -> str:
    """Return a text with the images of each engine in columns; the engine is one of them if there
    are several.
    """
    if len(images) == 1:
        return table(*images.values())
    rows = [(name, *_row(image)) for name, found in images.items() for image in found]
    return _columns([("ENGINE", *_COLUMNS), *rows])


def table(images: list[ImageStatus]) -> str:
    """Return a text with the images in columns, one on each line."""
    return _columns([_COLUMNS, *map(_row, images)])


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Return a text with rows of cells, each on a line, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(image: ImageStatus) -> tuple[str, ...]:
    """Return the cells of an image's row in the table."""
    size = f"{image.size / _MB:.0f} MB" if image.id else ""
    short = image.id.removeprefix("sha256:")[:_ID_DIGITS]
    cells = (image.name, image.state.value, image.python, image.origin, size, short)
    return tuple(cell or "-" for cell in cells)


def record(engine: str, image: ImageStatus) -> dict[str, str | int]:
    """Return an image on an engine as a JSON object."""
    return {
        "engine": engine,
        "name": image.name,
        "state": image.state.value,
        "python": image.python,
        "origin": image.origin,
        "size": image.size,
        "id": image.id,
        "reference": image.reference,
    }
