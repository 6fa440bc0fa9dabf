"""The labels that all of ours carries on an engine. Cleaning up goes by them alone.

They are set when a thing is created; what an image says of itself is not believed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

RUN = "labctl.run"
SCENARIO = "labctl.scenario"
EXPIRES = "labctl.expires"
KEEP = "labctl.keep"

_LIFE_S = 4 * 3600
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Makes the labels of one run."""

    run: str
    keep: bool = False

    def of(self, scenarios: Iterable[str]) -> dict[str, str]:
        """The labels of a thing that serves these scenarios; it expires in four hours."""
        labels = {
            RUN: self.run,
            SCENARIO: ",".join(scenarios)[:_LONGEST],
            EXPIRES: str(int(time.time()) + _LIFE_S),
        }
        return labels | ({KEEP: "1"} if self.keep else {})
