"""The import direction: errors <- model <- the pure parts and the engine <- run <- cli; and for
grading: model <- load, judge, wire, submissions <- mark <- run <- grading <- cli.
"""

from __future__ import annotations

import ast
from pathlib import Path

import labctl

ROOT = Path(labctl.__file__).parent
MIDDLE = {"errors", "model", "pythons", "text"}
ALLOWED = {
    "errors": set(),
    "pythons": {"errors"},
    "text": set(),
    "model": {"errors", "pythons"},
    "load": MIDDLE,
    "wire": MIDDLE,
    "judge": MIDDLE | {"wire"},
    "results": MIDDLE | {"judge"},
    "record": MIDDLE | {"judge", "load"},
    "explain": MIDDLE,
    "report": MIDDLE | {"explain", "judge", "results", "wire"},
    "engine": MIDDLE | {"judge", "load"},
    "submissions": MIDDLE | {"load"},
    "mark": MIDDLE | {"judge", "load", "wire"},
    "grading": MIDDLE | {"judge", "load", "mark", "results", "run", "submissions", "wire"},
    "run": MIDDLE | {"engine", "judge", "load", "report", "results", "wire"},
    "plugin": MIDDLE | {"engine", "judge", "load", "report", "results", "run", "wire"},
    "probe": set(),
    "services": set(),
}
"""What each part may import of the others; `cli` and `__main__` may import everything."""


def parts(path: Path) -> set[str]:
    """The parts of labctl that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("labctl.")}
    return found


def test_every_part_imports_only_what_it_may() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part in ALLOWED:
            extra = parts(path) - ALLOWED[part] - {part}
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in sorted(extra)]
    assert not wrong


def test_every_part_is_known() -> None:
    found = {p.name.removesuffix(".py") for p in ROOT.iterdir() if p.name != "__pycache__"}
    top = {"__init__", "__main__", "cli", "py.typed", "share"}
    assert found - top <= set(ALLOWED)
