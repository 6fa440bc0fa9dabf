"""What of an observation will be the same the next time."""

from __future__ import annotations

import re

from labctl.load.files import forbidden_character

_FLEETING = re.compile(
    r"""
      \b\d{1,3}(?:\.\d{1,3}){3}\b       # an address: labs take their subnets as they come
    | \b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,}   # one of IPv6, or of hardware
    | 0x[0-9a-fA-F]{4,}                 # where something is in memory
    | \b\d{1,2}:\d{2}(?::\d{2})?\b      # a time of day
    | \b\d{4}-\d{2}-\d{2}\b             # a date
    | _ssl\.c:\d+                       # a line of CPython's source
    | \b[0-9a-f]{12,}\b                 # an id, such as a container's
    """,
    re.VERBOSE,
)
_LONGEST = 80


def is_stable(text: str) -> bool:
    """Whether a text is worth expecting: short, printable, and without addresses, times or ids."""
    return (
        0 < len(text) <= _LONGEST
        and forbidden_character(text) is None
        and _FLEETING.search(text) is None
    )
