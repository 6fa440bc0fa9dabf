"""The environment variable of every option: LABCTL_JOBS of `run --jobs`, as of `merge`, which joins
runs; and with the verb's name of all others, LABCTL_LIST_CLIENT of `list --client`: what is set for
runs changes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typer.core import TyperGroup, TyperOption

_PREFIX = "LABCTL"
_RUNS = ("run", "merge")
"""The verbs whose options have no verb in their variables."""


class Verbs(TyperGroup):
    """The verbs, with a variable for each option that has none."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.commands.items():
            _name(command, [_PREFIX] if name in _RUNS else [_PREFIX, name])


def _name(command: Any, words: Iterable[str]) -> None:
    for option in command.params:
        if isinstance(option, TyperOption):
            longest = max(option.opts, key=len).lstrip("-")
            option.envvar = "_".join([*words, longest]).replace("-", "_").upper()
    for name, verb in getattr(command, "commands", {}).items():
        _name(verb, [*words, name])
