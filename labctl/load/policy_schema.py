"""The JSON Schema (2020-12) of policy files."""

from __future__ import annotations

from typing import Final

from labctl.load.schema import JsonSchema, described, with_dialect
from labctl.model.policy import PolicyFile
from labctl.model.scenario import LAYERS

_RULE: Final = {
    "raises": "Exceptions that may come out, with all that is derived from them; `documented` "
    "stands for those of the standard library and of the well-known ones.",
    "returns": "Whether the client may return; or the literal that it must then return.",
    "elapsed": "How long its code may take: 15s at most if left out.",
    "sockets": "`closed`: none is open when its code has ended. `any`: that is its affair.",
    "exits": "The codes that it may exit with by sys.exit; `any` if left out.",
    "unhandled": "`none`: no exception ends a thread or a task. `any`: that is its affair.",
}
_DESCRIPTIONS: Final = {
    "PolicyFile": {
        **_RULE,
        "skip": "Scenarios that are left out.",
        "layers": "By layer, what replaces these keys.",
        "scenarios": "By scenario, what replaces these keys, and those of its layer.",
    },
    "Rule": _RULE,
    "AtMost": {"max": "At most so long."},
}
"""What editors show, by model and key."""


def policy_schema() -> JsonSchema:
    """The schema of a policy file; which scenarios there are, it can't know."""
    schema, models = described(PolicyFile, _DESCRIPTIONS)
    models["PolicyFile"]["properties"]["layers"]["propertyNames"] = {"enum": [*LAYERS]}
    return with_dialect(schema)
