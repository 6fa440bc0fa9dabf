"""The labels that everything of labctl's carries on an engine. Cleaning up goes by them alone.

They are set when a thing is created; what an image says of itself is not believed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

RUN = "labctl.run"
SCENARIO = "labctl.scenario"
EXPIRES = "labctl.expires"
KEEP = "labctl.keep"
OWNER = "labctl.owner"
OWNER_VARIABLE = "LABCTL_OWNER"
"""The environment variable whose text becomes the owner's label, where it is set."""

_LIFE_S = 4 * 3600
_LONGEST = 200


def of_all_runs() -> tuple[str, ...]:
    """Return the labels that the containers, networks and volumes of every run have. If
    LABCTL_OWNER is set, they are those of the owner's runs alone.
    """
    owner = os.environ.get(OWNER_VARIABLE)
    return (RUN, f"{OWNER}={owner}") if owner else (RUN,)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Makes the labels of one run. With `keep`, its labs stay until `labctl clean`."""

    run: str
    keep: bool = False

    def of(self, scenarios: Iterable[str]) -> dict[str, str]:
        """Return the labels of a container, network or volume that serves these scenarios. It
        expires in four hours.
        """
        labels = {
            RUN: self.run,
            SCENARIO: ",".join(scenarios)[:_LONGEST],
            EXPIRES: str(int(time.time()) + _LIFE_S),
        }
        if self.keep:
            labels[KEEP] = "1"
        if owner := os.environ.get(OWNER_VARIABLE):
            labels[OWNER] = owner
        return labels


def expiry(labels: Mapping[str, str]) -> float:
    """Return when a thing with these labels expires, in seconds of time.time(); 0 if they don't
    say.
    """
    text = labels.get(EXPIRES, "")
    return float(text) if text.isdigit() else 0.0
