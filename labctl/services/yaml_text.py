"""Settings of a service that are YAML. Apart, since the library takes a while to import."""

from __future__ import annotations

from typing import Any

import yaml

from .settings import WrongScript


class _Strict(yaml.SafeLoader):
    """Duplicate keys are errors: each would silently replace the one before it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping. Raise WrongScript for a key that is there twice."""
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            keys = [key.value for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise WrongScript(f"line {node.start_mark.line + 1}: {twice} is there twice")
        return made


def load(text: str) -> object:
    """Parse a YAML document. Raise WrongScript if it is not valid."""
    try:
        return yaml.load(text, _Strict)  # noqa: S506 a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise WrongScript(f"{line}{error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise WrongScript(" ".join(str(error).split())) from None
