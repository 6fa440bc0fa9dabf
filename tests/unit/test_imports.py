"""Imports go one way: between the parts of labctl, between its modules, and to the Docker SDK.

The parts: errors <- model <- the pure parts and the engine <- run <- cli; and for grading:
model <- load, judge, wire, submissions <- mark <- run <- grading <- cli.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import labctl

ROOT = Path(labctl.__file__).parent
MIDDLE = {"engines", "errors", "model", "pythons", "text"}
ALLOWED = {
    "errors": set(),
    "engines": {"errors"},
    "pythons": {"errors"},
    "text": set(),
    "model": {"errors", "pythons"},
    "load": MIDDLE,
    "wire": MIDDLE,
    "judge": MIDDLE | {"wire"},
    "results": MIDDLE | {"judge"},
    "explain": MIDDLE,
    "report": MIDDLE | {"explain", "judge", "results", "wire"},
    "engine": MIDDLE | {"judge", "load", "warden"},
    "submissions": MIDDLE | {"load"},
    "mark": MIDDLE | {"judge", "load", "wire"},
    "run": MIDDLE | {"engine", "judge", "load", "report", "results", "wire"},
    "record": MIDDLE | {"engine", "judge", "load", "results", "run"},
    "grading": MIDDLE
    | {"engine", "judge", "load", "mark", "report", "results", "run", "submissions", "wire"},
    "plugin": MIDDLE | {"engine", "judge", "load", "report", "results", "run", "wire"},
    "probe": set(),
    "services": set(),
    "warden": {"services"},
}
"""What each part may import of the others; `cli` and `__main__` may import everything."""

DOCKER_SDK = {"docker", "requests"}
DOCKER_ROOMS = ("engine/docker/", "engine/images/docker.py")


@cache
def sources() -> Mapping[str, Path]:
    """Every module of labctl, by its dotted name."""
    modules = {}
    for path in ROOT.rglob("*.py"):
        parts = ("labctl", *path.relative_to(ROOT).with_suffix("").parts)
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def imports(module: str) -> set[str]:
    """What a module imports, dotted, wherever in it: at the top, in functions, for types alone.

    Of `from package import name`, both are returned: `package` and `package.name`.
    """
    path = sources()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else ()), *filter(None, [node.module])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def graph() -> dict[str, set[str]]:
    """The modules of labctl, each with those that it imports.

    Of `from package import module`, the module alone counts: a package does not depend on what is
    in it for being the place where it is.
    """
    known = set(sources())
    edges: dict[str, set[str]] = {}
    for module in known:
        named = imports(module) & known
        packages = {name for name in named if any(other.startswith(f"{name}.") for other in named)}
        edges[module] = named - packages - {module}
    return edges


def circles(edges: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Modules that import one another, in their order; each circle is cut, and the next sought."""
    left = {module: set(imported) for module, imported in edges.items()}
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            # graphlib tells a circle from the imported to the importing.
            for imported, importing in pairwise(circle):
                left[importing].discard(imported)
            yield circle[:-1]
        else:
            return


def test_no_modules_import_one_another() -> None:
    found = {frozenset(circle): " <- ".join(circle) for circle in circles(graph())}
    assert not list(found.values())


def test_circles_are_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert {frozenset(circle) for circle in circles(edges)} == {
        frozenset("abc"),
        frozenset("de"),
    }
    assert not list(circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}))


def test_only_the_docker_rooms_know_the_docker_sdk() -> None:
    wrong = []
    for module, path in sources().items():
        inside = path.relative_to(ROOT).as_posix()
        sdk = {name.split(".")[0] for name in imports(module)} & DOCKER_SDK
        if not inside.startswith(DOCKER_ROOMS):
            wrong += [f"{inside} imports {name}" for name in sorted(sdk)]
    assert not wrong


def parts(module: str) -> set[str]:
    """The parts of labctl that a module imports."""
    return {
        name.split(".")[1]
        for name in imports(module)
        if name.startswith("labctl.") and name.split(".")[1] in {*ALLOWED, "cli"}
    }


def test_every_part_imports_only_what_it_may() -> None:
    wrong = []
    for module, path in sources().items():
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part in ALLOWED:
            extra = parts(module) - ALLOWED[part] - {part}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(extra)]
    assert not wrong


def test_every_part_is_known() -> None:
    found = {p.name.removesuffix(".py") for p in ROOT.iterdir() if p.name != "__pycache__"}
    top = {"__init__", "__main__", "cli", "py.typed", "share"}
    assert found - top <= set(ALLOWED)
