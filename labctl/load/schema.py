"""JSON Schemas (2020-12) of what people write and of what labctl writes."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from labctl.model.result import Result
from labctl.model.scenario import ScenarioFile

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

_OUTCOMES: Final = {
    "ExpectedException": ("raises", "isa"),
    "Expectation": ("raises", "isa", "returns"),
}
"""Keys of which a mapping has exactly one, by model."""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of the fields' names; they say nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def scenario_schema() -> JsonSchema:
    """The schema of a scenario file."""
    schema = ScenarioFile.model_json_schema(schema_generator=_Untitled)
    models = {**schema["$defs"], "ScenarioFile": schema}
    for model, descriptions in _DESCRIPTIONS.items():
        for key, text in descriptions.items():
            models[model]["properties"][key]["description"] = text
    for model, keys in _OUTCOMES.items():
        models[model]["oneOf"] = [{"required": [key]} for key in keys]
    return _with_dialect(schema)


def result_schema() -> JsonSchema:
    """The schema of the document that `labctl run --json` writes."""
    return _with_dialect(Result.model_json_schema(mode="serialization", schema_generator=_Untitled))


def _with_dialect(schema: JsonSchema) -> JsonSchema:
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
