"""The result document and its schema."""

from __future__ import annotations

import json

import jsonschema
import pytest

from labctl.errors import EngineError
from labctl.judge import judge, observe
from labctl.model.result import ImageInfo, Result, ServerEvent, Unhandled
from labctl.report.documents import result_json
from labctl.results.attempt import attempt_result, lab_error_result
from tests.unit.judge.samples import (
    evidence,
    exception,
    planned,
    raised,
    report,
    result,
    returned,
)
from tests.unit.report.rendered import result_of


def everything() -> Result:
    chain = exception("OSError", cause=exception(), context=exception(), group=(exception(),))
    lost = Unhandled(where="Thread-1", exception=exception())
    full = raised(
        exception=chain,
        unhandled=(lost,),
        served=(ServerEvent(service="mail", at_s=1.5, event="helo", detail={"n": [1]}),),
    )
    garbled = observe(evidence(b"garbage"))
    return result_of(
        result(),
        result(returned("3"), attempt="socket"),
        result(full, attempt="asyncio", expectation=None, client="my.py"),
        attempt_result(planned(repeat=2), garbled, judge(planned().expectation, garbled)),
        lab_error_result(planned(repeat=3), EngineError("no")),
    ).model_copy(
        update={"images": {"client:3.13": ImageInfo(id="sha256:0", origin="host", python="3.13.5")}}
    )


def test_the_document_has_the_names_that_hold() -> None:
    document = json.loads(result_json(result_of(result())))
    assert list(document) == [
        "schema",
        "labctl",
        "engine",
        "images",
        "summary",
        "interrupted",
        "started",
        "took_s",
        "request",
        "scenarios",
        "attempts",
    ]
    assert document["schema"] == "labctl-result/1"
    assert document["summary"] == {"pass": 1, "fail": 0, "inconclusive": 0, "error": 0}
    (attempt,) = document["attempts"]
    assert attempt["verdict"] == "pass"
    assert attempt["reasons"] == []
    assert attempt["observed"]["exception"]["type"] == "ConnectionRefusedError"
    assert attempt["observed"]["exception"]["cause"] is None
    assert attempt["observed"]["stack"][0]["layer"] == "application"
    assert attempt["observed"]["flows"] is None


def test_exception_is_null_where_nothing_was_raised() -> None:
    document = json.loads(result_json(result_of(result(returned("3")))))
    assert document["attempts"][0]["observed"]["exception"] is None


def test_the_document_is_valid_by_its_schema_and_reads_back_the_same() -> None:
    result = everything()
    text = result_json(result)
    schema = Result.model_json_schema(by_alias=True, mode="serialization")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(text), schema)
    assert Result.model_validate_json(text) == result
    assert text.endswith("}\n")


def test_the_schema_can_say_no() -> None:
    document = json.loads(result_json(everything()))
    document["attempts"][0]["verdict"] = "passed"
    schema = Result.model_json_schema(by_alias=True, mode="serialization")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_whatever_a_report_claims_can_be_written() -> None:
    raw = report(stdout="\udc80\x00\x1b", exception={"type": "E", "attrs": {"n": 10**4000}})
    seen = observe(evidence(raw))
    assert seen.exception is not None
    made = attempt_result(planned(), seen, judge(planned().expectation, seen))
    assert json.loads(result_json(result_of(made)))["attempts"][0]["observed"]["stdout"]
