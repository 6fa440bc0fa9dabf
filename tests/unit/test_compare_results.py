"""tools/compare_results.py: what it takes for a difference between two documents, and what not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tools.compare_results import differences, facts

Document = dict[str, Any]


def exception(name: str) -> Document:
    return {
        "type": name, "symbols": {"errno": "ECONNREFUSED"}, "bases": [name], "cause": None,
        "context": None, "group": None,
    }  # fmt: skip


RUN: Document = {
    "attempts": [
        {
            "scenario": "refused-port", "attempt": "socket", "python": "3.13.5", "client": "",
            "repeat": 1, "verdict": "fail", "reasons": ["it took 1.2 s to 198.18.0.3:40001"],
            "observed": {
                "outcome": "raised", "returned": None,
                "exception": exception("ConnectionRefusedError"),
                "stack": [{"module": "socket", "qualname": "create_connection", "line": 3}],
                "flows": [
                    {"protocol": "tcp", "host": "closed.lab", "port": 2525, "outcome": "refused"},
                    {"protocol": "tcp", "host": "client", "port": 40001, "outcome": "closed"},
                ],
                "served": [{"service": "dns", "event": "query", "detail": {"name": "closed.lab"}}],
            },
        }
    ]
}  # fmt: skip
CLASS: Document = {
    "grades": [
        {
            "id": "ada", "state": "graded", "message": "", "points": 2.0, "max_points": 3.0,
            "parts": [{"name": "send", "state": "graded", "reasons": [], "marks": [{"points": 2}]}],
        }
    ]
}  # fmt: skip


def changed(document: Document, change: Callable[[Document], object]) -> Document:
    copied = copy.deepcopy(document)
    change(next(iter(copied.values()))[0])
    return copied


@pytest.mark.parametrize(
    ("document", "change"),
    [
        (RUN, lambda a: a.update(verdict="pass")),
        (RUN, lambda a: a.update(reasons=["the flow is missing"])),
        (RUN, lambda a: a["observed"].update(outcome="returned")),
        (RUN, lambda a: a["observed"].update(exception=exception("TimeoutError"))),
        (RUN, lambda a: a["observed"]["exception"].update(cause=exception("OSError"))),
        (RUN, lambda a: a["observed"]["stack"].pop()),
        (RUN, lambda a: a["observed"]["flows"][0].update(outcome="unanswered")),
        (RUN, lambda a: a["observed"]["served"].pop()),
        (RUN, lambda a: a.update(attempt="smtplib")),
        (CLASS, lambda g: g.update(points=3.0)),
        (CLASS, lambda g: g["parts"][0]["marks"][0].update(points=1)),
        (CLASS, lambda g: g["parts"][0].update(reasons=["too late"])),
    ],
)
def test_a_difference_is_found(document: Document, change: Callable[[Document], object]) -> None:
    assert list(differences(facts(document), facts(changed(document, change))))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.update(reasons=["it took 3.4 s to 198.19.7.3:50002"]),
        lambda a: a.update(python="3.13.8"),
        lambda a: a["observed"]["stack"][0].update(line=99),
        lambda a: a["observed"]["flows"][1].update(port=50002),
        lambda a: a["observed"]["flows"].reverse(),
    ],
)
def test_what_varies_from_lab_to_lab_is_no_difference(
    change: Callable[[Document], object],
) -> None:
    assert list(differences(facts(RUN), facts(changed(RUN, change)))) == []
