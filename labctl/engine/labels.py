"""The labels that everything of labctl's carries on an engine. Cleaning up goes by them alone.

They are set when a thing is created; what an image says of itself is not believed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labctl.engine.process import Life, life_of, own_process

RUN = "labctl.run"
SCENARIO = "labctl.scenario"
EXPIRES = "labctl.expires"
LAB = "labctl.lab"
KEEP = "labctl.keep"
PROCESS = "labctl.process"
OWNER = "labctl.owner"
OWNER_VARIABLE = "LABCTL_OWNER"
"""The environment variable whose text becomes the owner's label, where it is set."""

_LIFE_S = 4 * 3600
_LONGEST = 200


def of_runs(run: str = "") -> tuple[str, ...]:
    """Return the labels that the containers, networks and volumes of a run have, or without one,
    those of every run. If LABCTL_OWNER is set, they are those of the owner's runs alone.
    """
    of_run = f"{RUN}={run}" if run else RUN
    owner = os.environ.get(OWNER_VARIABLE)
    return (of_run, f"{OWNER}={owner}") if owner else (of_run,)


def has_all(labels: Mapping[str, str], wanted: Iterable[str]) -> bool:
    """Tell whether a thing has all of these labels: each a key, or `key=value`."""
    return {*wanted} <= {*labels, *(f"{key}={value}" for key, value in labels.items())}


def is_over(labels: Mapping[str, str]) -> bool:
    """Tell whether nothing uses a thing with these labels any more: it was kept, or its labctl has
    ended. If that is not known, it is over when it has expired.
    """
    if KEEP in labels:
        return True
    life = life_of(labels.get(PROCESS, ""))
    return life is Life.ENDED or (life is Life.UNKNOWN and expiry(labels) < time.time())


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Makes the labels of one run. With `keep`, its labs stay until `labctl clean`."""

    run: str
    keep: bool = False

    def of(self, scenarios: Iterable[str], *, lab: str = "") -> dict[str, str]:
        """Return the labels of a container, network or volume that serves these scenarios in the
        lab of this name. It expires in four hours.
        """
        labels = {
            RUN: self.run,
            SCENARIO: ",".join(scenarios)[:_LONGEST],
            EXPIRES: str(int(time.time()) + _LIFE_S),
        }
        if lab:
            labels[LAB] = lab
        if process := own_process():
            labels[PROCESS] = process
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
