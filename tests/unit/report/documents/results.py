"""A run that has one of each: what passed, failed, could not be proven, broke, and was shown."""

from __future__ import annotations

from typing import Any

from labctl.errors import EngineError
from labctl.model.result import (
    AttemptResult,
    EngineInfo,
    ImageInfo,
    Ladder,
    LadderRow,
    Request,
    Result,
    ScenarioInfo,
)
from labctl.results.attempt import lab_error_result
from labctl.results.summary import summary
from tests.unit.judge.samples import (
    STACK,
    expectation,
    flow,
    interpreter,
    planned,
    raised,
    result,
)

STARTED = 1_700_000_000.5
LADDER = Ladder(
    hosts=("closed.lab",),
    rows=(
        LadderRow(source=0, target=1, text="SYN", at_s=0.0125),
        LadderRow(source=1, target=0, text="RST", at_s=0.013),
    ),
    notes=("Not drawn: 1 packet.",),
)
WRONG = expectation(stack=[STACK[0], "smtplib:SMTP.connet", *STACK[2:]], attrs={"errno": 5})
WIRE = expectation(wire=["tcp closed.lab:2525 refused"])
BROKE = EngineError("service dns died:\n  no such file", hint="run labctl doctor")
NASTY = "\x1b[2J\x00]]></failure><script>\ud800\u202e\ufffe\r\n::set-output name=a::b\n```\n"
"""What a client may write to end an element, a fence or a command before its time."""


def passed(**changes: Any) -> AttemptResult:
    return result(raised(flows=(flow(),)), **{"expectation": WIRE, **changes})


def failed(**changes: Any) -> AttemptResult:
    made = result(**{"expectation": WRONG, "interpreter": interpreter("3.9.2"), **changes})
    return made.model_copy(update={"ladder": LADDER, "because": "The port refused."})


def unproven(**changes: Any) -> AttemptResult:
    return result(**{"expectation": WIRE, "attempt": "socket", **changes})


def broken(**changes: Any) -> AttemptResult:
    return lab_error_result(planned(**{"attempt": "asyncio", **changes}), BROKE)


def shown(**changes: Any) -> AttemptResult:
    return result(**{"expectation": None, "client": "my.py", "attempt": "my", **changes})


def scenario(name: str = "refused-port", **changes: Any) -> ScenarioInfo:
    given: dict[str, Any] = {
        "title": "Nothing listens on the port",
        "layer": "tcp",
        "tags": ("core",),
        "path": f"/repo/scenarios/tcp/{name}.yaml",
        "lines": {"smtplib": 12, "socket": 30},
    }
    return ScenarioInfo(**{**given, **changes})


def run(*attempts: AttemptResult, **changes: Any) -> Result:
    names = dict.fromkeys(one.scenario for one in attempts)
    given: dict[str, Any] = {
        "labctl": "0.1.0",
        "engine": EngineInfo(name="docker", version="20.10", kernel="6.1.0", architecture="x86_64"),
        "images": {
            "lab": ImageInfo(id="sha256:1a", origin="debian"),
            "client:3.9": ImageInfo(id="sha256:39", origin="host", python="3.9.2"),
            "client:3.13": ImageInfo(id="sha256:3d", origin="debian", python="3.13.5"),
        },
        "summary": summary(attempts),
        "started": STARTED,
        "took_s": 2.25,
        "request": Request(),
        "scenarios": {name: scenario(name) for name in names},
        "attempts": attempts,
    }
    return Result(**{**given, **changes})


def everything() -> Result:
    """One scenario, five attempts, each with another verdict."""
    return run(passed(), failed(), unproven(), broken(), shown())


def nasty(text: str) -> AttemptResult:
    """An attempt that failed, and has the text wherever a client's may be."""
    made = failed(client="my.py")
    assert made.observed is not None
    assert made.observed.exception is not None
    exception = made.observed.exception.model_copy(update={"type": text, "message": text})
    frames = tuple(one.model_copy(update={"qualname": text}) for one in made.observed.stack)
    seen = {"stdout": text, "stderr": text, "exception": exception, "stack": frames}
    differences = [
        one.model_copy(update={"what": one.what, "actual": text, "message": text})
        for one in made.differences
    ]
    rows = [row.model_copy(update={"text": text}) for row in LADDER.rows]
    ladder = LADDER.model_copy(update={"rows": rows, "hosts": (text,), "notes": (text,)})
    return made.model_copy(
        update={
            "observed": made.observed.model_copy(update=seen),
            "reasons": (text, *made.reasons),
            "differences": tuple(differences),
            "because": text,
            "ladder": ladder,
            "client": text,
            "capture": text,
        }
    )
