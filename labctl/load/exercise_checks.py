"""What must fit together in a run of an exercise, and with its services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.errors import InputError
from labctl.load.hosts import meant_host
from labctl.load.scenario_checks import unsayable
from labctl.load.words import at
from labctl.load.yaml_reader import Document, Place
from labctl.model.compose import Service
from labctl.model.exercise import RunFile
from labctl.model.served import parse_served


def run_mistakes(
    spec: RunFile, place: Place, services: Sequence[Service], document: Document
) -> Iterator[InputError]:
    """A target that is nearly what a service is called, and events that no service says."""
    names = [name for one in services for name in one.aliases or (one.name,)]
    if spec.target and spec.target.host.lower() not in names:
        host, here = spec.target.host, (*place, "target", "host")
        if meant := meant_host(host, names):
            message = f'nothing in the lab is called "{host}"; did you mean "{meant}"?'
            yield InputError(at(here, message), where=document.where(here))
    known = {one.name: one for one in services}
    for number, check in enumerate(spec.checks):
        found = check.served and unsayable(parse_served(check.served), known)
        if found:
            message, hint = found
            here = (*place, "checks", number, "served")
            yield InputError(at(here, message), where=document.where(here), hint=hint)
