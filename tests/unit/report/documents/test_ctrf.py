"""The Common Test Report Format, held against what its specification says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.model.result import Result
from labctl.report.documents.ctrf import ctrf
from tests.unit.judge.samples import raised
from tests.unit.report.documents.results import (
    NASTY,
    STARTED,
    broken,
    everything,
    failed,
    nasty,
    passed,
    run,
    shown,
    unproven,
)

SCHEMA = json.loads(Path(__file__).with_name("ctrf.schema.json").read_text("utf-8"))


def written(result: Result) -> dict[str, Any]:
    text = ctrf(result)
    assert text.endswith("}\n")
    document = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert isinstance(document, dict)
    return document


def told(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = written(result)["results"]["tests"]
    return found


def test_the_schema_can_say_no() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = written(everything())
    document["results"]["tests"][0]["status"] = "pass"
    with pytest.raises(jsonschema.ValidationError, match="'pass' is not one of"):
        jsonschema.validate(document, SCHEMA)


def test_it_says_what_it_is_and_who_wrote_it() -> None:
    document = written(everything())
    assert (document["reportFormat"], document["specVersion"]) == ("CTRF", "0.1.0")
    assert document["generatedBy"] == "labctl 0.1.0"
    assert document["results"]["tool"] == {"name": "labctl", "version": "0.1.0"}


def test_every_verdict_has_a_status_and_stays_to_be_seen() -> None:
    assert [(one["rawStatus"], one["status"]) for one in told(everything())] == [
        ("pass", "passed"),
        ("fail", "failed"),
        ("inconclusive", "failed"),
        ("error", "other"),
        ("shown", "other"),
    ]


def test_the_summary_counts_the_tests() -> None:
    made = run(passed(), failed(), unproven(scenario="other"), broken(), shown())
    summary = written(made)["results"]["summary"]
    counts = Counter(one["status"] for one in told(made))
    assert {name: summary[name] for name in ("passed", "failed", "other")} == counts
    assert (summary["skipped"], summary["pending"]) == (0, 0)
    assert (summary["tests"], summary["suites"]) == (5, 2)


def test_times_are_whole_milliseconds() -> None:
    made = run(passed().model_copy(update={"took_s": 1.2345}), passed(repeat=2))
    summary = written(made)["results"]["summary"]
    assert summary["start"] == round(STARTED * 1000)
    assert summary["stop"] - summary["start"] == summary["duration"] == 2250
    assert [one["duration"] for one in told(made)] == [1234, 40]


def test_a_test_says_where_it_is_and_what_it_is_of() -> None:
    made = passed(client="my.py").model_copy(update={"libraries": {"httpx": "0.28"}})
    (test,) = told(run(made))
    assert test["name"] == "smtplib [3.13.5, my.py]"
    assert test["suite"] == ["tcp", "refused-port"]
    assert (test["filePath"], test["line"]) == ("/repo/scenarios/tcp/refused-port.yaml", 12)
    assert test["tags"] == ["core"]
    assert test["labels"] == {"python": "3.13.5", "client": "my.py", "libraries": ["httpx 0.28"]}


def test_what_is_not_known_is_left_out() -> None:
    (test,) = told(run(broken(), scenarios={}))
    assert set(test) == {
        "name",
        "status",
        "rawStatus",
        "duration",
        "suite",
        "labels",
        "message",
        "extra",
    }
    assert test["suite"] == ["refused-port"]


def test_a_failure_has_its_reasons_and_as_a_trace_the_stack_and_the_ladder() -> None:
    (test,) = told(run(failed()))
    assert test["message"].splitlines() == [
        "expected errno to be 5, but it was ECONNREFUSED (111)",
        "in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is there",
    ]
    assert test["trace"].startswith("stack (- expected, + observed):\n  smtplib:SMTP.__init__\n- ")
    assert test["trace"].endswith("┤\nNot drawn: 1 packet.")
    assert test["extra"]["labctl/attempt"]["differences"][0] == {
        "what": "attrs.errno",
        "expected": "5",
        "actual": "ECONNREFUSED (111)",
    }


def test_what_passed_has_no_trace() -> None:
    (test,) = told(run(passed()))
    assert "trace" not in test
    assert test["message"] == "ConnectionRefusedError: Connection refused"


def test_a_broken_lab_says_what_broke_and_what_to_do() -> None:
    (test,) = told(run(broken()))
    assert test["message"] == "service dns died:\n  no such file\nrun labctl doctor"
    assert test["duration"] == 0


def test_output_is_there_line_by_line() -> None:
    seen = raised(stdout="one\n\ntwo\n", stderr="three")
    (test,) = told(run(passed().model_copy(update={"observed": seen})))
    assert (test["stdout"], test["stderr"]) == (["one", "", "two"], ["three"])


def test_a_capture_is_attached() -> None:
    (test,) = told(run(passed().model_copy(update={"capture": "out/a.pcapng"})))
    assert test["attachments"] == [
        {"name": "packets", "contentType": "application/x-pcapng", "path": "out/a.pcapng"}
    ]


def test_what_passed_is_flaky_where_another_of_its_repeats_failed() -> None:
    made = run(failed(repeat=1), passed(repeat=2), passed(repeat=3))
    same = [one.model_copy(update={"python": "3.13.5"}) for one in made.attempts]
    found = run(*same, passed(attempt="socket"))
    assert [one.get("flaky") for one in told(found)] == [None, True, True, None]
    assert written(found)["results"]["summary"]["flaky"] == 2


def test_repeats_that_agree_are_not_flaky_and_no_retries() -> None:
    found = told(run(*(passed(repeat=number) for number in (1, 2, 3))))
    assert not any("flaky" in one or "retries" in one for one in found)
    assert [one["extra"]["labctl/attempt"]["repeat"] for one in found] == [1, 2, 3]


def test_a_broken_lab_makes_nothing_flaky() -> None:
    found = told(run(passed(), broken(attempt="smtplib", repeat=2)))
    assert [one.get("flaky") for one in found] == [None, None]


def test_the_environment_is_the_engine_its_images_and_the_shard() -> None:
    request = everything().request.model_copy(update={"shard": "2/5"})
    environment = written(run(passed(), request=request, interrupted=True))["results"][
        "environment"
    ]
    assert (environment["osRelease"], environment["shardId"]) == ("6.1.0", "2/5")
    told = environment["extra"]["labctl/run"]
    assert (told["engine"], told["architecture"]) == ("docker 20.10", "x86_64")
    assert told["images"]["client:3.9"] == {"id": "sha256:39", "origin": "host"}
    assert told["interrupted"] is True


@pytest.mark.parametrize("text", [NASTY, "", "\ud800"])
def test_nothing_that_a_client_writes_breaks_the_document(text: str) -> None:
    check_visible(text)


@given(st.text(st.characters(), max_size=60))
@settings(max_examples=50)
def test_any_text_can_be_written_and_seen(text: str) -> None:
    check_visible(text)


def check_visible(text: str) -> None:
    made = run(nasty(text))
    assert all(char.isprintable() or char == "\n" for char in ctrf(made))
    written(made)
