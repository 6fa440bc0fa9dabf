"""The built-in Compose file tells all that its services say of clients, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl import services
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose

FOLDER = Path(services.__file__).parent
TO_LABCTL = {"ready"}
BUILTIN = load_compose(bundled_compose())
SHARED = {"events", "lifeline"}
"""Modules whose events are between a service and labctl."""


def emitted(program: str) -> dict[str, tuple[str, ...]]:
    """The events in the source of a program, and of what it imports, each with its keys."""
    found: dict[str, tuple[str, ...]] = {}
    for node in ast.walk(ast.parse((FOLDER / f"{program}.py").read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in set(names) - SHARED:
                found |= emitted(name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "emit":
            event = ast.literal_eval(node.args[0])
            if event not in TO_LABCTL:
                found[event] = tuple(keys(node))
    return found


def keys(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Dict):
            yield from (ast.literal_eval(key) for key in keyword.value.keys if key)


@pytest.mark.parametrize("name", BUILTIN)
def test_a_service_declares_what_it_says(name: str) -> None:
    service = BUILTIN[name]
    assert service.image == "labctl/lab"
    listens = service.command[0] != "script" or "LAB_PORTS" in service.environment
    assert service.events == (emitted(service.command[0]) if listens else {})
