"""Files of every kind that people write: each is checked as what it is."""

from __future__ import annotations

from pathlib import Path

from labctl.load.catalogue import Catalogue
from labctl.load.compose import load_compose
from labctl.load.exercise import load_exercise
from labctl.load.kinds import Kind, NoScenario
from labctl.load.policy import load_policy


def check_file(name_or_path: str, *, scenarios: Catalogue, builtin_compose: Path) -> Kind:
    """Load a scenario by its name, or a file of any kind by its path, and return the kind.

    Raise UsageError for an unknown name, and InputError for a file with mistakes.
    """
    try:
        scenarios.load(name_or_path)
    except NoScenario as error:
        path = Path(name_or_path)
        match error.kind:
            case Kind.COMPOSE:
                load_compose(path)
            case Kind.EXERCISE:
                load_exercise(path, scenarios=scenarios, builtin_compose=builtin_compose)
            case Kind.POLICY:
                load_policy(path, scenarios=scenarios.names())
        return error.kind
    return Kind.SCENARIO
