"""Checks of the settings of a service, which say where one is wrong."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class WrongScript(Exception):
    """What is wrong, and in front of it where: `port 2001: step 2: ...`."""


@contextmanager
def within(place: str) -> Iterator[None]:
    """Put a place in front of the message of a WrongScript that is raised inside the block."""
    try:
        yield
    except WrongScript as error:
        raise WrongScript(f"{place}: {error}") from None


def mapping(value: object, allowed: Collection[str] | None = None) -> dict[Any, Any]:
    """Return a value that must be a mapping without other keys than those allowed. Raise
    WrongScript if it is not.
    """
    if not isinstance(value, dict):
        raise WrongScript(f"must be a mapping, not {value!r}")
    for key in value if allowed is not None else ():
        if key not in (allowed or ()):
            raise WrongScript(f"there is no {key!r}; there are {', '.join(allowed or ())}")
    return value


def text(value: object) -> str:
    """Return a value that must be text. Raise WrongScript if it is not."""
    if not isinstance(value, str):
        raise WrongScript(f"must be text (in quotes, if YAML reads it otherwise), not {value!r}")
    return value


def octets(value: object) -> bytes:
    """Return the bytes of a value that must be text: one for each character if all are in latin-1,
    or else UTF-8. Raise WrongScript if it is no text.
    """
    plain = text(value)
    try:
        return plain.encode("latin-1")
    except UnicodeEncodeError:
        return plain.encode("utf-8")


def count(value: object, *, most: int = 1 << 20) -> int:
    """Return a value that must be a whole number from 0 to `most`. Raise WrongScript if it
    is not.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise WrongScript(f"must be a whole number from 0 to {most}, not {value!r}")
    return value


def seconds(value: object) -> float:
    """Return a value that must be a number of seconds. Raise WrongScript if it is not."""
    if type(value) not in (int, float) or not 0 <= float(str(value)) <= 3600:  # noqa: PLR2004
        raise WrongScript(f"must be a number of seconds, not {value!r}")
    return float(str(value))


def choice(value: object, options: Mapping[str, Any]) -> Any:
    """Return the option of a name. Raise WrongScript if there is none of this name."""
    if not isinstance(value, str) or value not in options:
        raise WrongScript(f"must be one of {', '.join(options)}, not {value!r}")
    return options[value]


def own_address() -> str:
    """Return the address that a program serves: LAB_ADDRESS, or else all that its host has."""
    return os.environ.get("LAB_ADDRESS") or "0.0.0.0"  # noqa: S104 the lab's own network only
