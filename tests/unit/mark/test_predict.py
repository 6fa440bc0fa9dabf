"""Answers to every kind of question, in every spelling; what was observed is what is right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labctl.load.yaml_reader import Value
from labctl.mark.predict import mark_answer
from labctl.model.exercise import Ask, QuestionFile
from labctl.model.flow_detail import FlowDetail
from labctl.model.grade import Part
from labctl.model.result import Observation
from tests.unit.judge.samples import exception, flow, frames, raised, returned

LOOK_UP = flow("nxdomain", protocol="dns", host="nosuch.lab", address="198.18.0.2", port=53)
REFUSED = raised(flows=(LOOK_UP.model_copy(update={"outcome": "answered"}), flow()))
GONE = raised(
    exception=exception("smtplib.SMTPServerDisconnected", attrs={}, symbols={}),
    flows=(flow("reset"), flow("closed")),
)
FINE = returned("b''", flows=(flow("closed"),))


def asked(ask: Ask, answer: Value, seen: Observation = REFUSED, **more: Any) -> Part:
    given = {"about": "a", "ask": ask, "text": "Which?", "points": 2.0, "hint": "look", **more}
    return mark_answer("q", QuestionFile.model_validate_json(json.dumps(given)), answer, seen)


@pytest.mark.parametrize(
    ("ask", "answer", "seen"),
    [
        ("exception", "ConnectionRefusedError", REFUSED),
        ("exception", " ConnectionRefusedError ", REFUSED),
        ("exception", "smtplib.SMTPServerDisconnected", GONE),
        ("exception", "SMTPServerDisconnected", GONE),
        ("exception", "none", FINE),
        ("exception", "None", FINE),
        ("exception", "nothing", FINE),
        ("exception", "-", FINE),
        ("exception", "no exception", FINE),
        ("errno", "ECONNREFUSED", REFUSED),
        ("errno", "econnrefused", REFUSED),
        ("errno", "errno.ECONNREFUSED", REFUSED),
        ("errno", "ECONNREFUSED = 111", REFUSED),
        ("errno", 111, REFUSED),
        ("errno", "111", REFUSED),
        ("errno", "none", GONE),
        ("errno", "none", FINE),
        ("innermost", "socket:create_connection", REFUSED),
        ("innermost", "socket.create_connection", REFUSED),
        ("innermost", "socket.create_connection()", REFUSED),
        ("innermost", "none", FINE),
        ("modules", ("smtplib", "socket"), REFUSED),
        ("modules", "smtplib, socket", REFUSED),
        ("modules", "smtplib > socket", REFUSED),
        ("modules", "smtplib → socket", REFUSED),
        ("modules", "smtplib socket", REFUSED),
        ("modules", "none", FINE),
        ("modules", ("none",), FINE),
        ("wire", "refused", REFUSED),
        ("wire", "Refused", REFUSED),
        ("wire", "closed", GONE),
        ("wire", "nxdomain", raised(flows=(LOOK_UP,))),
        ("wire", "none", raised(flows=())),
        ("wire", "none", raised(flows=None)),
    ],
)
def test_what_is_right(ask: Ask, answer: Value, seen: Observation) -> None:
    part = asked(ask, answer, seen)
    assert (part.points, part.max_points) == (2, 2)


@pytest.mark.parametrize(
    ("ask", "answer", "seen", "right"),
    [
        ("exception", "connectionrefusederror", REFUSED, "ConnectionRefusedError"),
        ("exception", "OSError", REFUSED, "ConnectionRefusedError"),
        ("exception", "none", REFUSED, "ConnectionRefusedError"),
        ("exception", "ssl.SMTPServerDisconnected", GONE, "smtplib.SMTPServerDisconnected"),
        ("exception", "OSError", FINE, "none"),
        ("errno", "110", REFUSED, "ECONNREFUSED = 111"),
        ("errno", "ECONNREFUSED = 110", REFUSED, "ECONNREFUSED = 111"),
        ("errno", "=", REFUSED, "ECONNREFUSED = 111"),
        ("errno", 111, GONE, "none"),
        ("innermost", "smtplib:SMTP.__init__", REFUSED, "socket:create_connection"),
        ("innermost", "create_connection", REFUSED, "socket:create_connection"),
        ("wire", "answered", REFUSED, "refused"),
        ("wire", "reset", GONE, "closed"),
        ("modules", "none, smtplib", FINE, "none"),
        ("modules", "http", REFUSED, "smtplib, socket"),
    ],
)  # fmt: skip
def test_what_is_wrong(ask: Ask, answer: Value, seen: Observation, right: str) -> None:
    part = asked(ask, answer, seen)
    (mark,) = part.marks
    assert (part.points, part.max_points) == (0, 2)
    assert (mark.expected, mark.hint) == (right, "look")
    assert mark.expected == right


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        (("smtplib", "socket"), 2),
        (("smtplib",), 1),
        (("socket",), 1),
        (("socket", "smtplib"), 1),
        (("smtplib", "ssl", "socket"), 1.333),
        (("smtplib", "socket", "ssl", "http"), 1),
        (("http", "ssl"), 0),
    ],
)
def test_of_modules_a_part_has_a_part_of_the_points(answer: Value, points: float) -> None:
    assert asked("modules", answer).points == points


@pytest.mark.parametrize("ask", ["exception", "errno", "innermost", "modules", "wire"])
@pytest.mark.parametrize("answer", [None, "", ()])
@pytest.mark.parametrize("seen", [REFUSED, FINE, raised(flows=())])
def test_no_answer_is_never_right(ask: Ask, answer: Value, seen: Observation) -> None:
    part = asked(ask, answer, seen)
    (mark,) = part.marks
    assert (part.points, mark.actual) == (0, "no answer")
    assert mark.actual == "no answer"


@pytest.mark.parametrize("answer", [{"a": "b"}, True, 1.5, ("a", ("b",)), "x" * 10_000])
@pytest.mark.parametrize("ask", ["exception", "errno", "innermost", "modules", "wire"])
def test_odd_answers_are_wrong_ones(ask: Ask, answer: Value) -> None:
    assert asked(ask, answer).points == 0


def test_frames_that_were_too_many_are_no_module() -> None:
    seen = raised(stack=frames("smtplib:a", "socket:b"), omitted_frames=7)
    assert asked("modules", ("smtplib", "socket"), seen).points == 2


def test_flows_that_others_began_do_not_count() -> None:
    other = flow("closed", detail=FlowDetail(incoming=True))
    assert asked("wire", "refused", raised(flows=(flow(), other))).points == 2


def test_its_part() -> None:
    part = asked("wire", "reset", hidden=True, bonus=True)
    assert (part.name, part.kind, part.title) == ("predict/q", "predict", "Which?")
    assert (part.hidden, part.bonus) == (True, True)
    assert asked("wire", "reset", hint="-").marks[0].hint == ""


def test_who_still_tries_is_not_told_what_is_right() -> None:
    question = QuestionFile(about="it", ask="exception", text="Which?", hint="look")
    (mark,) = mark_answer("q", question, "OSError", REFUSED, show_solution=False).marks
    assert (mark.points, mark.expected, mark.actual, mark.hint) == (0, "", "OSError", "look")
    assert "ConnectionRefusedError" not in mark.model_dump_json()
