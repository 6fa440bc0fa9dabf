"""The JSON Schemas: what editors and other tools check documents with."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labctl.load.schema import result_schema, scenario_schema
from labctl.load.yaml_reader import read_yaml
from labctl.model.result import AttemptResult, EngineInfo, Observation, Outcome, Result, Verdict
from tests.unit.load.texts import write

EXAMPLE = """\
name: refused-port
title: Nothing listens on the port
layer: tcp
tags: [core]
story: |
  The host is up, but no process listens on the port.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  smtplib:
    client: |
      import smtplib
      smtplib.SMTP("closed.lab", 2525, timeout=5)
    expect:
      raises: ConnectionRefusedError
      attrs: {errno: ECONNREFUSED}
      stack:
        - smtplib:SMTP.__init__
        - ...
        - socket:create_connection
      wire:
        - dns closed.lab A answered
        - tcp closed.lab:2525 refused
      elapsed: {max: 2s}
  socket:
    client: {file: client.py}
    expect:
      - {python: ">=3.10", isa: OSError, cause: none, context: {raises: OSError}}
      - {returns: "1", wire: nothing}
"""


def as_json(value: object) -> Any:
    """The same data with lists for tuples, which is what a reader of JSON has."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, tuple) else value


def is_valid(text: str) -> bool:
    data = as_json(read_yaml(write("x.yaml", text)).data)
    return Draft202012Validator(scenario_schema()).is_valid(data)


def test_the_schemas_are_schemas() -> None:
    for schema in (scenario_schema(), result_schema()):
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)


def test_the_example_is_valid() -> None:
    assert is_valid(EXAMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: ", "titel: "),
        ("tags: [core]", "extra: 1"),
        ("layer: tcp", "layer: tpc"),
        ("name: refused-port", "name: Refused port"),
        ("port: 2525}", 'port: "2525"}'),
        ("port: 2525}", "port: -1}"),
        ("{file: client.py}", "{flie: client.py}"),
        ("{file: client.py}", "750"),
        ("raises: ConnectionRefusedError\n", "raises: [OSError]\n"),
        ("raises: ConnectionRefusedError\n", "returns: x\n      isa: OSError\n"),
        ("raises: ConnectionRefusedError\n", "message: refused\n"),
        ("wire: nothing", "wire: noting"),
        ("max: 2s", "max: 2"),
        ("max: 2s", "max: 2 seconds"),
        ("cause: none", "cause: never"),
        ("context: {raises: OSError}", "context: {raises: OSError, isa: OSError}"),
    ],
)
def test_a_changed_example_is_not(old: str, new: str) -> None:
    assert EXAMPLE.count(old) == 1
    assert not is_valid(EXAMPLE.replace(old, new))


def test_editors_are_told_what_keys_mean() -> None:
    schema = scenario_schema()
    assert schema["properties"]["services"]["description"].startswith("Services of the Compose")
    undescribed = [key for key, value in schema["properties"].items() if "description" not in value]
    assert undescribed == []
    assert "title" not in schema["properties"]["name"]


def result() -> dict[str, Any]:
    attempt = AttemptResult(
        scenario="a",
        attempt="b",
        python="3.13.0",
        verdict=Verdict.PASS,
        observed=Observation(outcome=Outcome.RETURNED),
    )
    whole = Result(
        labctl="0.1.0",
        engine=EngineInfo(name="docker", version="20.10"),
        images={},
        summary={Verdict.PASS: 1},
        attempts=(attempt,),
    )
    dumped: dict[str, Any] = whole.model_dump(mode="json", by_alias=True)
    return dumped


def test_a_result_is_valid_and_a_changed_one_is_not() -> None:
    validator = Draft202012Validator(result_schema())
    validator.validate(result())
    assert not validator.is_valid({**result(), "schema": "labctl-result/9"})
    assert not validator.is_valid({**result(), "summary": {"perhaps": 1}})
    assert validator.is_valid({**result(), "added-later": 1})
