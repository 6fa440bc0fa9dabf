"""The Pythons that clients can run on. A series is named as in 3.13, a version as in 3.13.5."""

from __future__ import annotations

from labctl.errors import UsageError

SERIES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""The series that there are client images for, oldest first."""
USUAL = "3.13"
"""The series that clients run on where nobody asks for another."""


def series_of(version: str) -> str:
    """Return the series of a version: 3.13 of 3.13.5."""
    return ".".join(version.split(".")[:2])


def parse_series(text: str) -> tuple[str, ...]:
    """Return the series that a list such as `3.9,3.13` names, each once; `all` names every one.

    Raise UsageError for a series that there is no client image for.
    """
    parts = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    if "all" in parts:
        return SERIES
    return tuple(map(check_series, parts or [text]))


def check_series(series: str) -> str:
    """Return the series unchanged. Raise UsageError if there is no client image for it."""
    if series not in SERIES:
        raise UsageError(
            f"no client image has Python {series!r}", hint=f"there are {', '.join(SERIES)}, and all"
        )
    return series
