"""The JSON Schemas of exercise files, which say what loading says if they can, and of grades."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labctl.errors import InputError
from labctl.load.bundled import bundled_folder
from labctl.load.schema import exercise_schema, grade_schema
from labctl.load.yaml_reader import read_yaml
from labctl.model.exercise import RULES
from tests.unit.load.exercises import EXERCISE, load
from tests.unit.load.test_schema import as_json
from tests.unit.load.texts import changed, write
from tests.unit.report.grades.samples import STATES

BUNDLED = sorted(bundled_folder("exercises").glob("*/exercise.yaml"))
VALIDATOR = Draft202012Validator(exercise_schema())


def is_valid(text: str) -> bool:
    return VALIDATOR.is_valid(as_json(read_yaml(write("x.yaml", text)).data))


def test_the_schemas_are_schemas() -> None:
    for schema in (exercise_schema(), grade_schema()):
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parent.name)
def test_every_bundled_exercise_is_valid(path: Any) -> None:
    VALIDATOR.validate(as_json(read_yaml(path).data))


def test_the_example_is_valid() -> None:
    assert is_valid(EXERCISE)


def test_each_rule_is_one_of_a_check() -> None:
    definitions = exercise_schema()["$defs"]
    assert definitions["Check"]["oneOf"] == [{"required": [key]} for key in RULES]
    one = Draft202012Validator({"$ref": "#/$defs/Check", "$defs": definitions})
    for given, valid in (({"exit": 0}, True), ({"exit": 0, "stdout": "a"}, False), ({}, False)):
        assert one.is_valid(given) is valid


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Tell why\n", ""),
        ("title: Tell", "titel: Tell"),
        ("name: mine", "name: My One"),
        ("level: 2", "level: 6"),
        ("level: 2", "level: '2'"),
        ("level: 2", "weight: 0"),
        ('python: "3.13"', 'python: "3.8"'),
        ("socket}", 'socket, python: "3.8"}'),
        ("tries: 3", "tries: 0"),
        ("time: 5s", "time: 5"),
        ("time: 5s", "time: soon"),
        ("ask: exception", "ask: exeption"),
        ("    file: client.py", "    file: ../client.py"),
        ("    file: my.yaml", "    file: my scenario"),
        ("predict:\n", "predict:\n  file: a/b\n"),
        ("LAB_TO", "LAB_HOST"),
        ("LAB_TO", "LAB-TO"),
        ("port: 25}", 'port: "25"}'),
        ("{exit: 0}", "{exit: 256}"),
        ("{exit: 0}", "{exit: 0, stdout: a}"),
        ("{exit: 0}", "{points: 1}"),
        ("{exit: 0}", "{exti: 0}"),
        ("{exit: 0}", "{exit: 0, times: {min: 1}}"),
        ("{exit: 0}", "{tries: {mim: 1}}"),
        ("{exit: 0}", "{tries: {min: -1}}"),
        ("{exit: 0}", "{again_after: rest}"),
        ("{exit: 0}", "{elapsed: {max: 2}}"),
        ("points: 2", "points: -1"),
        ("        scenario: refused-port\n", ""),
        ("scenario: refused-port\n", "scenario: a\n        target: {host: a, port: 1}\n"),
        ("scenario: refused-port\n", "scenario: a\n        services: [mail]\n"),
        ('\n          - {wire: "tcp {host}:{port} refused"}', " []"),
        ("hidden: true", "hidden: 1"),
    ],
)
def test_what_loading_refuses_the_schema_does_too(old: str, new: str) -> None:
    text = changed(EXERCISE, old, new)
    assert not is_valid(text)
    with pytest.raises(InputError):
        load(text)


def test_one_that_asks_nothing_is_not_valid() -> None:
    assert not is_valid(EXERCISE.partition("predict:")[0])


@pytest.mark.parametrize("key", ["predict", "clients", "scenarios"])
def test_one_that_asks_one_thing_is_valid(key: str) -> None:
    data: dict[str, Any] = as_json(read_yaml(write("x.yaml", EXERCISE)).data)
    others = {"predict", "clients", "scenarios"} - {key}
    assert VALIDATOR.is_valid({name: value for name, value in data.items() if name not in others})


def test_editors_are_told_what_every_key_means() -> None:
    schema = exercise_schema()
    for model in (schema, *schema["$defs"].values()):
        assert [key for key, it in model["properties"].items() if not it.get("description")] == []
        assert "title" not in model["properties"].get("points", {})


def test_grades_are_valid_and_changed_ones_are_not() -> None:
    validator = Draft202012Validator(grade_schema())
    for one in STATES:
        document = one.model_dump(mode="json", by_alias=True)
        validator.validate(document)
        assert not validator.is_valid({**document, "schema": "labctl-grade/9"})
        assert not validator.is_valid({**document, "state": "perhaps"})
        assert validator.is_valid({**document, "added-later": 1})
