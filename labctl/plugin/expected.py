"""Which scenarios the tests of a session are going to need, so that their services start together.

It is a guess: a scenario that was not expected costs a lab that is started again, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import CodeType

import pytest

from labctl.errors import LabError
from labctl.load.catalogue import Catalogue
from labctl.model.scenario import Scenario


def expected(items: Iterable[pytest.Item], catalogue: Catalogue) -> list[Scenario]:
    """The scenarios of the attempts, and those whose names stand in tests with `lab`, each once."""
    found: dict[str, Scenario] = {}
    for item in items:
        own = getattr(item, "scenario", None)
        if isinstance(own, Scenario):
            found.setdefault(str(own.path), own)
        elif "labctl_python" in getattr(item, "fixturenames", ()):
            found |= {str(one.path): one for one in _named(item, catalogue)}
    return list(found.values())


def _named(item: pytest.Item, catalogue: Catalogue) -> Iterator[Scenario]:
    """What is wrong with a scenario is told to the test that runs it."""
    with suppress(LabError):
        names = catalogue.names()
        for text in dict.fromkeys(_texts(item)):
            file = item.path.parent / text
            if text.endswith((".yaml", ".yml")) and file.is_file():
                yield catalogue.load(str(file))
            elif text in names:
                yield catalogue.load(text)


def _texts(item: pytest.Item) -> Iterator[str]:
    """The texts in a test's code and among its parameters."""
    code = getattr(getattr(item, "function", None), "__code__", None)
    if isinstance(code, CodeType):
        yield from _constants(code)
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    yield from (value for value in parameters.values() if isinstance(value, str))


def _constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _constants(constant)
