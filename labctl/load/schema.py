"""JSON Schemas (2020-12) of what people write and of what labctl writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from labctl.model.exercise import FILE_PATTERN, RULES, VARIABLE_PATTERN, ExerciseFile
from labctl.model.grade import Grade
from labctl.model.layers import LAYERS
from labctl.model.policy import PolicyFile
from labctl.model.result import Result
from labctl.model.scenario import ScenarioFile
from labctl.pythons import SERIES

JsonSchema = dict[str, Any]

_DESCRIPTIONS: Final = {
    "ScenarioFile": {
        "name": "The scenario's name, which its file has too.",
        "title": "One line for lists.",
        "layer": "The layer of the network in which the failure is made.",
        "tags": "Words to pick scenarios by: `labctl run --tag core`.",
        "story": "What happens, and why, for the person who runs it.",
        "services": "Services of the Compose file that must run; `dns` always does.",
        "compose": "A Compose file beside this one; labctl's own where it is left out.",
        "exclusive": "Whether the scenario needs a lab that no other shares.",
        "target": "What clients aim at: LAB_HOST and LAB_PORT in their environment.",
        "attempts": "Clients by name, each with what it must observe.",
    },
    "AttemptFile": {
        "client": "Python source, or {file: PATH} of a file in the scenario's folder.",
        "requires": "The third-party libraries that the client imports, beside the standard one.",
        "expect": "What must be observed; in a list the first that fits the Python counts.",
    },
    "Expectation": {
        "python": "The Pythons that this variant is for, as a PEP 440 specifier: >=3.11",
        "raises": "The exact type of the exception; built-ins bare, others module.Name.",
        "isa": "A type that the exception must be, or be a subclass of.",
        "returns": "The literal that the last expression has; ... for any value.",
        "message": "Text that the exception's message contains.",
        "attrs": "Attributes of the exception; numbers by name too: {errno: ECONNREFUSED}.",
        "stack": "Library frames as module:qualname, outermost first; ... for any number.",
        "wire": "Flows and their outcomes, in order; or `nothing`: no packet at all.",
        "served": "What the services saw of the client, in order.",
        "elapsed": "Bounds of the time that the client ran.",
        "unhandled": "Exceptions that end in threads and tasks of the client.",
    },
}
"""What editors show, by model and key."""

_OF_EXERCISES: Final = {
    "ExerciseFile": {
        "name": "The exercise's name, which its folder has too.",
        "title": "One line for lists.",
        "text": "What students are to do; their README.md begins with it.",
        "level": "From 1, the easiest, to 5: the order of `labctl exercise list`.",
        "weight": "What it counts for beside other exercises.",
        "python": "The Python that students' programs run on: 3.13 if left out.",
        "compose": "A Compose file beside this one; labctl's own where it is left out.",
        "limits": "How often students may check, and how long a run may take.",
        "predict": "Questions that are answered in a file, before anything is run.",
        "clients": "Programs that students write, by name.",
        "scenarios": "Scenarios that students write, by name.",
    },
    "LimitsFile": {
        "tries": "How often `labctl check` may be used; any number of times if left out.",
        "time": "How long one run may take: 10s if left out.",
    },
    "PredictFile": {
        "file": "The file of answers: answers.yaml if left out.",
        "about": "Attempts of scenarios, by a name that questions use. Each is made when graded.",
        "questions": "The questions, by the name that answers have.",
    },
    "AboutFile": {
        "scenario": "A scenario of labctl's.",
        "attempt": "The name of one of its attempts.",
        "python": "The Python it is made on; that of the exercise if left out.",
    },
    "QuestionFile": {
        "about": "A name in `about`.",
        "ask": "What is asked for.",
        "text": "The question.",
        "points": "What the right answer is worth.",
        "hint": "The hint after a wrong answer.",
        "hidden": "Asked only when graded.",
        "bonus": "Its points come on top.",
    },
    "ClientFile": {
        "file": "The file that students hand in.",
        "text": "What it is, in a line.",
        "runs": "The runs of it, by name.",
    },
    "RunFile": {
        "title": "What students see of it.",
        "scenario": "A scenario whose services and target it has.",
        "services": "Services of the Compose file that must run; `dns` always does.",
        "target": "What the program aims at: LAB_HOST and LAB_PORT in its environment.",
        "vary": "false: host and port are not changed when it is graded.",
        "env": "Further variables of its environment. {host}, {port} and {nonce} are filled in.",
        "argv": "Its arguments, filled in likewise.",
        "hidden": "Made only when graded; students see nothing but its points.",
        "bonus": "Its points come on top.",
        "checks": "What must be so afterwards.",
    },
    "Target": {
        "host": "A name of a service.",
        "port": "A port, be anybody there or not.",
    },
    "Check": {
        "stdout": "It prints this, and nothing else but white space around it.",
        "exit": "It exits with this code.",
        "raises": "It raises exactly this; built-ins bare, others module.Name.",
        "isa": "It raises this, or a subclass of it.",
        "returns": "Its last expression has this literal as its value; ... for any.",
        "elapsed": "How long it takes, measured outside of it.",
        "served": "A service says this of it: SERVICE EVENT KEY=VALUE ...",
        "wire": "This is on the wire: tcp HOST:PORT refused, dns NAME A nxdomain, ...",
        "tries": "How many connections it makes to its target.",
        "again_after": "It connects once more after a connection that ended so.",
        "secret": "This text does not leave it in the clear, nor in base64.",
        "times": "How often `served` or `wire` must be so; at least once if left out.",
        "points": "What it is worth: 1 if left out.",
        "hint": "The hint if the check does not hold.",
    },
    "Times": {
        "min": "At least this many times; 1 if left out.",
        "max": "At most this many times; no limit if left out.",
    },
    "Elapsed": {
        "min": "At least so long.",
        "max": "At most so long.",
    },
    "OwnScenarioFile": {
        "file": "The file that students hand in.",
        "text": "What they are to write.",
        "raises": "The exception that one of its attempts must expect, with `wire`.",
        "points": "A third each for being valid, for saying so, and for coming true.",
        "hint": "The hint if one of these does not hold.",
        "bonus": "Its points come on top.",
    },
}

_RULE: Final = {
    "raises": "Exceptions that may come out, with all that is derived from them; `documented` "
    "stands for those of the standard library and of the well-known ones.",
    "returns": "Whether the client may return; or the literal that it must then return.",
    "elapsed": "How long its code may take: 15s at most if left out.",
    "sockets": "`closed`: none is open when its code has ended. `any`: that is its affair.",
    "exits": "The codes that it may exit with by sys.exit; `any` if left out.",
    "unhandled": "`none`: no exception ends a thread or a task. `any`: that is its affair.",
}
_OF_POLICIES: Final = {
    "PolicyFile": {
        **_RULE,
        "skip": "Scenarios that are left out.",
        "layers": "By layer, what replaces these keys.",
        "scenarios": "By scenario, what replaces these keys, and those of its layer.",
    },
    "Rule": _RULE,
    "AtMost": {"max": "At most so long."},
}

_OUTCOMES: Final = {
    "ExpectedException": ("raises", "isa"),
    "Expectation": ("raises", "isa", "returns"),
}
"""Keys of which a mapping has exactly one, by model."""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of the fields' names; they say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Return False: fields get no titles."""
        return False


def scenario_schema() -> JsonSchema:
    """Return the JSON Schema of a scenario file."""
    schema, models = _described(ScenarioFile, _DESCRIPTIONS)
    for model, keys in _OUTCOMES.items():
        models[model]["oneOf"] = _one_of(keys)
    return _with_dialect(schema)


def exercise_schema() -> JsonSchema:
    """Return the JSON Schema of an exercise file."""
    schema, models = _described(ExerciseFile, _OF_EXERCISES)
    schema["anyOf"] = _one_of(("predict", "clients", "scenarios"))
    models["Check"]["oneOf"] = _one_of(RULES)
    models["Check"]["dependentSchemas"] = {"times": {"anyOf": _one_of(("served", "wire"))}}
    models["RunFile"]["oneOf"] = _one_of(("scenario", "target"))
    models["RunFile"]["dependentRequired"] = {"services": ["target"]}
    models["RunFile"]["properties"]["env"]["propertyNames"] = {"pattern": VARIABLE_PATTERN}
    for model in ("ClientFile", "OwnScenarioFile", "PredictFile"):
        models[model]["properties"]["file"]["pattern"] = FILE_PATTERN
    for model in ("ExerciseFile", "AboutFile"):
        about = models[model]["properties"]["python"]
        about.update({"enum": [*SERIES] if model == "ExerciseFile" else [*SERIES, None]})
    return _with_dialect(schema)


def policy_schema() -> JsonSchema:
    """Return the JSON Schema of a policy file. It does not know which scenarios there are."""
    schema, models = _described(PolicyFile, _OF_POLICIES)
    models["PolicyFile"]["properties"]["layers"]["propertyNames"] = {"enum": [*LAYERS]}
    return _with_dialect(schema)


def grade_schema() -> JsonSchema:
    """Return the JSON Schema of a student's `grade.json`."""
    return _with_dialect(Grade.model_json_schema(mode="serialization", schema_generator=_Untitled))


def _described(
    root: type[BaseModel], descriptions: dict[str, dict[str, str]]
) -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """Return the schema of a model and those of all models in it, with the descriptions that
    editors show.
    """
    schema = root.model_json_schema(schema_generator=_Untitled)
    models = {**schema["$defs"], root.__name__: schema}
    for model, keys in descriptions.items():
        for key, text in keys.items():
            models[model]["properties"][key]["description"] = text
    return schema, models


def _one_of(keys: Iterable[str]) -> list[JsonSchema]:
    """Return a schema for each key that requires it."""
    return [{"required": [key]} for key in keys]


def result_schema() -> JsonSchema:
    """Return the JSON Schema of the document that `labctl run --json` writes."""
    return _with_dialect(Result.model_json_schema(mode="serialization", schema_generator=_Untitled))


def _with_dialect(schema: JsonSchema) -> JsonSchema:
    """Return the schema with the name of its dialect."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
