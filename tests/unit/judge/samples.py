"""A refused port and its like, made in one line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labctl.judge import judge
from labctl.model.compose import Attachment, Service
from labctl.model.evidence import Evidence
from labctl.model.expectation import Expectation
from labctl.model.plan import Interpreter, PlannedAttempt
from labctl.model.result import (
    AttemptResult,
    Call,
    ExceptionInfo,
    Flow,
    Frame,
    Observation,
    Outcome,
    ServerEvent,
)
from labctl.model.scenario import Attempt, Scenario, Target
from labctl.results.attempt import attempt_result

STACK = (
    "smtplib:SMTP.__init__",
    "smtplib:SMTP.connect",
    "smtplib:SMTP._get_socket",
    "socket:create_connection",
)
CONNECT = Call(
    at_s=0.01, event="socket.connect", args=("198.18.0.11", 2525), stack=STACK, line=None
)
REFUSED: dict[str, Any] = {
    "raises": "ConnectionRefusedError",
    "attrs": {"errno": "ECONNREFUSED"},
    "stack": list(STACK),
}


def expectation(**changes: Any) -> Expectation:
    """What a refused port expects, changed; a key that is None is left out."""
    given = {key: value for key, value in {**REFUSED, **changes}.items() if value is not None}
    return Expectation.model_validate_json(json.dumps(given))


def returning(value: str = "...", **more: Any) -> Expectation:
    return Expectation.model_validate_json(json.dumps({"returns": value, **more}))


def exception(type_: str = "ConnectionRefusedError", **changes: Any) -> ExceptionInfo:
    given = {
        "message": "[Errno 111] Connection refused",
        "attrs": {"errno": 111},
        "symbols": {"errno": "ECONNREFUSED"},
        "bases": (type_, "OSError", "Exception", "BaseException", "object"),
    }
    return ExceptionInfo(type=type_, **{**given, **changes})


def frames(*names: str, layer: str = "") -> tuple[Frame, ...]:
    split = (name.split(":") for name in names)
    return tuple(Frame(module=module, qualname=name, layer=layer) for module, name in split)


def flow(outcome: str = "refused", **changes: Any) -> Flow:
    """What a refused port leaves on the wire, changed."""
    given = {"protocol": "tcp", "host": "closed.lab", "address": "198.18.0.11", "port": 2525}
    return Flow(outcome=outcome, **{**given, **changes})


def event(event: str, /, *, service: str = "mail", at_s: float = 1.0, **detail: Any) -> ServerEvent:
    return ServerEvent(service=service, at_s=at_s, event=event, detail=detail)


def raised(**changes: Any) -> Observation:
    """A refused port as it is observed, changed."""
    given = {
        "exception": exception(),
        "stack": _layered(),
        "calls": (CONNECT,),
        "elapsed_s": 0.04,
        "exit": 1,
    }
    return Observation(outcome=Outcome.RAISED, **{**given, **changes})


def _layered() -> tuple[Frame, ...]:
    return (*frames(*STACK[:3], layer="application"), *frames(STACK[3], layer="transport"))


def returned(value: str | None = "None", **changes: Any) -> Observation:
    return Observation(outcome=Outcome.RETURNED, returned=value, **{"elapsed_s": 0.5, **changes})


def report(**changes: Any) -> bytes:
    """What the probe writes of a refused port, changed."""
    given = {
        "probe": 1,
        "python": "3.13.5",
        "outcome": "raised",
        "exception": {"type": "ConnectionRefusedError", "message": "refused"},
        "stack": [{"module": "socket", "qualname": "create_connection", "line": 870}],
        "elapsed_s": 0.04,
        "exit": 1,
    }
    return json.dumps({**given, **changes}).encode()


def evidence(report: bytes = b"", **changes: Any) -> Evidence:
    given = {"exit": 0, "out_of_memory": False, "elapsed_s": 1.0, "served": ()}
    return Evidence(report=report, **{**given, **changes})


def interpreter(version: str = "3.13.5") -> Interpreter:
    return Interpreter(series=version.rpartition(".")[0], version=version, image="client")


def planned(**changes: Any) -> PlannedAttempt:
    """A planned attempt; its key is made of all that tells it from another."""
    given: dict[str, Any] = {
        "scenario": "refused-port",
        "attempt": "smtplib",
        "client": "",
        "source": "import smtplib\n",
        "origin": "refused-port.yaml",
        "target": Target(host="closed.lab", port=2525),
        "services": ("dns", "closed"),
        "interpreter": interpreter(),
        "expectation": expectation(),
        "repeat": 1,
    }
    given |= changes
    names = ("scenario", "attempt", "interpreter", "client", "repeat")
    key = " ".join(str(given[name]) for name in names)
    return PlannedAttempt(**{"key": key, **given})


def result(observed: Observation | None = None, **changes: Any) -> AttemptResult:
    """The judged result of an attempt, of a refused port as expected where nothing is said."""
    attempt, seen = planned(**changes), observed or raised()
    return attempt_result(attempt, seen, judge(attempt.expectation, seen))


def service(name: str, *aliases: str) -> Service:
    networks = {"lab": Attachment(aliases=aliases)}
    return Service(name=name, image="labctl/lab", networks=networks)


def attempt(name: str = "smtplib", *expectations: Expectation) -> Attempt:
    source = 'import smtplib\nsmtplib.SMTP("closed.lab", 2525, timeout=5)\n'
    expected = expectations or (expectation(),)
    return Attempt(name=name, source=source, origin=f"{name}.py", expectations=expected)


def scenario(name: str = "refused-port", **changes: Any) -> Scenario:
    given: dict[str, Any] = {
        "path": Path(f"scenarios/tcp/{name}.yaml"),
        "name": name,
        "title": "Nothing listens on the port",
        "layer": "tcp",
        "tags": ("core",),
        "story": "The host is up, but no process listens on the port.\n",
        "services": (service("dns", "dns.lab"), service("closed", "closed.lab")),
        "compose": Path("compose/lab.yaml"),
        "exclusive": False,
        "target": Target(host="closed.lab", port=2525),
        "attempts": (attempt(),),
    }
    return Scenario(**{**given, **changes})
