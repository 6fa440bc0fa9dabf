"""The story of one attempt on the wire, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.model.result import AttemptResult


@dataclass(frozen=True, kw_only=True)
class Picture:
    """`ladder` is drawn in at most 80 columns; `because` is a sentence: why it ended as it did."""

    ladder: str
    because: str


Key = tuple[str, str, str, str, int]
Pictures = Mapping[Key, Picture]


def key_of(result: AttemptResult) -> Key:
    """What tells an attempt from all others of its run."""
    return (result.scenario, result.attempt, result.python, result.client, result.repeat)
