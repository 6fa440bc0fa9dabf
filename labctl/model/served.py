"""The lines of `served:`: what a service must have said, as scenarios write it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from labctl.model.base import NAME_PATTERN

_EXAMPLE = "mail message from=ada@lab.test to=bob@lab.test"
_SERVICE = re.compile(NAME_PATTERN)
_EVENT = re.compile(r"[a-z][a-z0-9_-]*")
_QUOTES = frozenset("'\"\\")
_PAIR = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class ServedLine:
    """`SERVICE EVENT KEY=VALUE ...`: keys that are not named may have any value."""

    service: str
    event: str
    detail: dict[str, str]


@cache
def parse_served(line: str) -> ServedLine:
    """Parse a line of `served:`, whose values are quoted as in a shell. Raise ValueError if it is
    wrong.
    """
    try:
        words = shlex.split(line) if _QUOTES & set(line) else line.split()
    except ValueError as error:
        raise ValueError(f"{error} in {line!r}") from None
    service, event, *pairs = [*words, "", ""][: max(2, len(words))]
    if not (_SERVICE.fullmatch(service) and _EVENT.fullmatch(event)):
        raise ValueError(f"a server's event looks like {_EXAMPLE!r}, not {line!r}")
    return ServedLine(service, event, _detail(pairs, line))


def _detail(pairs: Iterable[str], line: str) -> dict[str, str]:
    """Parse `key=value` pairs. Raise ValueError for anything else, and for a key that is there
    twice.
    """
    detail: dict[str, str] = {}
    for pair in pairs:
        found = _PAIR.fullmatch(pair)
        if not found:
            raise ValueError(f"after service and event come key=value pairs, not {pair!r}")
        key, value = found.groups()
        if key in detail:
            raise ValueError(f"{key} is there twice in {line!r}")
        detail[key] = value
    return detail


def check_served(line: str) -> str:
    """Return the line if it can be parsed. Raise ValueError if not."""
    parse_served(line)
    return line
