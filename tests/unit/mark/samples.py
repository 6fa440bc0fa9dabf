"""What a run left behind, in one line each: to `closed.lab:2525` where nothing else is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labctl.mark.evidence import RunEvidence
from labctl.model.exercise import Check, Run, RunFile
from labctl.model.packet import Wire
from labctl.model.result import Flow, Observation
from labctl.model.scenario import Target
from labctl.wire.decode import decode_all
from labctl.wire.flows import analyse
from tests.unit.judge.samples import flow, returned
from tests.unit.wire.build import DNS, MAIL, Capture

TARGET = Target(host="closed.lab", port=2525)
PLACEHOLDERS = {"host": "closed.lab", "port": "2525", "nonce": "0123456789"}


def check(**given: Any) -> Check:
    """As a file has it."""
    return Check.model_validate_json(json.dumps(given))


def secret(text: str) -> Check:
    return check(secret=text)


def run(*checks: Check, **changes: Any) -> Run:
    given = {"title": "A run", "target": TARGET, "checks": checks or (check(exit=0),), **changes}
    return Run(
        name="client/run",
        file="client.py",
        spec=RunFile(**given),
        services=(),
        compose=Path("lab.yaml"),
        target=TARGET,
    )


def evidence(observation: Observation | None = None, **changes: Any) -> RunEvidence:
    """A client that went for its target, and came to its end after half a second."""
    given: dict[str, Any] = {
        "observation": observation or observed(),
        "wire": None,
        "took_s": 0.5,
        "target": TARGET,
        "placeholders": PLACEHOLDERS,
    }
    return RunEvidence(**{**given, **changes})


def observed(*flows: Flow, **changes: Any) -> Observation:
    return returned(**{"flows": flows or (flow(),), "exit": 0, **changes})


def wire(capture: Capture) -> Wire:
    return analyse(decode_all(capture.raws), resolvers=[DNS])


def sent(*pieces: bytes) -> Wire:
    """A connection over which the client sent these, a segment each."""
    capture = Capture()
    connection = capture.connection(MAIL, 25).syn().accept()
    for piece in pieces:
        connection.data("client", piece)
    connection.fin("client")
    return wire(capture)
