"""Plain scalars of YAML: what they are, and those that YAML 1.1 reads as something surprising.

PyYAML and docker-compose 1.x read YAML 1.1, newer tools read 1.2. A scalar that not everybody
reads alike, or not as it looks, is refused instead of guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from yaml.resolver import Resolver

from labctl.errors import shorten

Scalar = str | int | float | bool | None

_TAG: Final = "tag:yaml.org,2002:"
_SAFE: Final[dict[str, Scalar]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_LONG_INTEGER = re.compile(r"[-+]?[1-9][0-9]{18,}")
_OTHERS: Final = {"timestamp": "a date", "merge": "a merge key"}
_TRUE: Final = frozenset({"yes", "on", "true", "y"})


class Surprise(ValueError):
    """A plain scalar that YAML reads as something its writer may not mean.

    `instead` is the end of a hint: what to write for that which YAML reads.
    """

    def __init__(self, text: str, reading: str, instead: str = "") -> None:
        """Take a scalar's text, what YAML reads it as, and what its writer can write instead."""
        super().__init__(f"{shorten(text)} without quotes is {reading} in YAML")
        self.instead = f"; if not, write {instead}" if instead else ""


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """Return the value of a YAML scalar that stands without quotes. Raise Surprise if YAML would
    make something of it that people do not expect.
    """
    if text in _SAFE:
        return _SAFE[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    tag = _yaml_1_1_tag(text)
    if tag in ("str", "value"):
        return text
    raise _surprise(text, tag)


def _yaml_1_1_tag(text: str) -> str:
    """Return the type that YAML 1.1 gives a plain scalar."""
    if text in ("y", "Y", "n", "N"):
        return "bool"  # by the letter of YAML 1.1; PyYAML itself leaves these out
    resolvers = Resolver.yaml_implicit_resolvers.get(text[0], [])
    matches = (tag for tag, pattern in resolvers if pattern.match(text))
    return next(matches, f"{_TAG}str").removeprefix(_TAG)


def _surprise(text: str, tag: str) -> Surprise:
    """Return the error for a plain scalar that YAML 1.1 reads as something else than text."""
    if tag == "bool":
        value = "true" if text.lower() in _TRUE else "false"
        return Surprise(text, f"the boolean {value}", value)
    if tag == "null":
        return Surprise(text, "no value at all", "null")
    if tag in _OTHERS:
        return Surprise(text, _OTHERS[tag])
    if _LONG_INTEGER.fullmatch(text):
        return Surprise(text, "a number of more than 18 digits")
    return Surprise(text, _reading_of_number(text.lower().lstrip("+-")), "it in plain digits")


def _reading_of_number(digits: str) -> str:
    """Return how YAML 1.1 reads a number, as a phrase."""
    if ":" in digits:
        return "a number in base 60"
    if digits.startswith(("0x", "0b")):
        return f"a number in base {16 if digits[1] == 'x' else 2}"
    if digits in (".inf", ".nan"):
        return "not a finite number"
    if "." not in digits and digits.startswith("0"):
        return "a number in base 8"
    return "a number in a form that not every reader knows"
