"""The engines that labs can run on, by name, and which of them was chosen.

The choice is an environment variable, so that processes that labctl or pytest starts make the same.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Final

from labctl.errors import UsageError, did_you_mean

ENGINE_VARIABLE: Final = "LABCTL_ENGINE"


class EngineName(StrEnum):
    """What a user can choose: an engine, or that labctl takes the first one that is there."""

    DOCKER = "docker"
    LOCAL = "local"
    AUTO = "auto"


def parse_engine(text: str, *, what: str) -> EngineName:
    """Return the engine of a name. Raise UsageError if there is none; `what` says where the name
    stands.
    """
    try:
        return EngineName(text)
    except ValueError:
        names = [str(name) for name in EngineName]
        raise UsageError(
            f"{what}: there is no engine {text!r}{did_you_mean(text, names)}",
            hint=f"it is one of {', '.join(names)}",
        ) from None


def chosen_engine() -> EngineName:
    """Return the engine that was chosen, with `choose_engine` or in the environment. Raise
    UsageError if what is there is no engine.
    """
    return parse_engine(os.environ.get(ENGINE_VARIABLE) or EngineName.AUTO, what=ENGINE_VARIABLE)


def choose_engine(name: EngineName) -> None:
    """Choose an engine, for this process and for those that it starts from now on."""
    os.environ[ENGINE_VARIABLE] = name
