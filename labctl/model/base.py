"""What the models share: strict frozen base classes and the value types of the formats."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class Input(BaseModel):
    """Base of what people write: unknown keys and loose types are errors.

    What validates a model is built when it is first needed: most verbs need few of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Record(BaseModel):
    """Base of what labctl writes: frozen; a reader of a later version may meet more keys."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


def as_utf8(name: str) -> str:
    """Return a file's name as UTF-8 can hold it: bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def parse_duration(text: object) -> float:
    """Return the seconds of a duration as Compose writes it: `500ms`, `2s`, `1m30s`. Raise
    ValueError for any other text.
    """
    if not isinstance(text, str) or not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        raise ValueError(f"a duration is a number with a unit, like 500ms or 2s, not {text!r}")
    # 700 / 1000 is 0.7, but 700 * 0.001 is a little more.
    return sum(
        float(n) / 1000 if unit == "ms" else float(n) * _UNITS[unit]
        for n, unit in _DURATION.findall(text)
    )


def format_duration(seconds: float) -> str:
    """Return the shortest text for a duration, to the millisecond: `800ms`, `2s`, `1s500ms`."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    return "".join((f"{whole}s" if whole or not rest else "", f"{rest}ms" if rest else ""))


def _seconds(value: object) -> object:
    """Return a duration in seconds."""
    return value if isinstance(value, float) else parse_duration(value)


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^(?:{_DURATION.pattern})+$"}, mode="validation"
    ),
]


def _not_blank(text: str) -> str:
    """Return the text. Raise ValueError if it is blank."""
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, AfterValidator(_not_blank)]
