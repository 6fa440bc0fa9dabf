"""What `labctl compare` says. The JSON of `Comparison` is the format `labctl-comparison/1`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from labctl.model.base import Record
from labctl.model.result import Outcome, Verdict


class Retry(Record):
    """Whether a failure is `worth` a retry; None if the exception doesn't tell."""

    worth: bool | None
    kind: str
    why: str


class Compared(Record):
    """One client. `caught_by` says for each class that `except` could name whether it catches.

    Of a client that raised nothing, `type`, `message` and `retry` are None.
    """

    attempt: str
    verdict: Verdict | None
    reasons: tuple[str, ...] = ()
    libraries: dict[str, str] = Field(default_factory=dict)
    outcome: Outcome | None
    type: str | None
    message: str | None
    bases: tuple[str, ...] = ()
    caught_by: dict[str, bool] = Field(default_factory=dict)
    retry: Retry | None


class Comparison(Record):
    """All clients of one scenario, on one Python."""

    schema_: Literal["labctl-comparison/1"] = Field(default="labctl-comparison/1", alias="schema")
    labctl: str
    scenario: str
    python: str
    interrupted: bool = False
    clients: tuple[Compared, ...]
