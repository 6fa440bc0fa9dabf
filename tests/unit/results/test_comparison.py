"""What clients would have to catch."""

from __future__ import annotations

from typing import Any

from labctl.model.comparison import Compared
from labctl.model.result import AttemptResult, EngineInfo, Frame, Result
from labctl.results.comparison import compare
from tests.unit.judge.samples import exception, raised, result, returned

REQUESTS = exception(
    "requests.exceptions.ConnectionError",
    attrs={}, symbols={}, cause=exception(),
    bases=("requests.exceptions.ConnectionError", "requests.exceptions.RequestException",
           "OSError", "Exception", "BaseException"),
)  # fmt: skip


def compared(one: AttemptResult) -> Compared:
    engine = EngineInfo(name="docker", version="1")
    document = Result(labctl="0", engine=engine, images={}, summary={}, attempts=(one,))
    [client] = compare(document).clients
    return client


def of_requests(**changes: Any) -> Compared:
    seen = raised(exception=REQUESTS, stack=())
    return compared(result(seen).model_copy(update={"libraries": {"requests": "2"}, **changes}))


def test_what_catches_a_refusal() -> None:
    bases = ("ConnectionRefusedError", "ConnectionError", "OSError", "Exception", "BaseException")
    found = compared(result(raised(exception=exception(bases=bases))))
    assert found.type == "ConnectionRefusedError"
    assert found.bases == ("ConnectionError", "OSError")
    assert found.caught_by == {
        "OSError": True, "TimeoutError": False, "ConnectionError": True,
        "smtplib.SMTPException": False,
    }  # fmt: skip
    assert found.retry
    assert (found.retry.worth, found.retry.kind) == (True, "refused")


def test_clauses_of_a_library_go_by_the_names_that_people_import() -> None:
    found = of_requests()
    assert found.bases == ("requests.exceptions.RequestException", "OSError")
    assert found.caught_by == {
        "OSError": True, "TimeoutError": False, "ConnectionError": False,
        "requests.ConnectionError": True, "requests.Timeout": False,
        "requests.RequestException": True,
    }  # fmt: skip
    assert found.libraries == {"requests": "2"}


def test_the_builtin_is_not_the_librarys_class_of_that_name() -> None:
    assert not of_requests().caught_by["ConnectionError"]


def test_a_module_that_has_no_clauses_of_its_own_adds_none() -> None:
    seen = raised(stack=(Frame(module="socket", qualname="create_connection"),))
    assert list(compared(result(seen)).caught_by) == ["OSError", "TimeoutError", "ConnectionError"]


def test_a_client_that_returned_has_nothing_to_catch() -> None:
    found = compared(result(returned()))
    assert (found.type, found.caught_by, found.retry) == (None, {}, None)
    assert found.outcome == "returned"
    assert found.reasons


def test_nothing_was_made() -> None:
    engine = EngineInfo(name="docker", version="1")
    document = Result(labctl="0", engine=engine, images={}, summary={}, attempts=())
    assert compare(document).clients == ()
