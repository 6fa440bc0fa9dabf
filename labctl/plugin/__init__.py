"""The pytest plugin: scenario files as tests, and the fixture `lab` for tests of one's own code.

pytest imports this in every project that has labctl installed. So slow modules are imported inside
functions, and only once there is a scenario file or a test with `lab`.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labctl.model.layers import LAYERS
from labctl.plugin.settings import settings_of

if TYPE_CHECKING:
    from labctl.plugin.lab_fixture import Lab
    from labctl.plugin.lab_result import Seen

__all__ = ["Lab", "Seen"]

_SUFFIXES = (".yaml", ".yml")
_MAX_BYTES = 1024 * 1024
"""Bytes of the largest scenario that labctl reads."""
_KEYS = (re.compile(rb"^attempts:", re.MULTILINE), re.compile(rb"^layer:", re.MULTILINE))


def __getattr__(name: str) -> object:
    """Return the classes `Lab` and `Seen`, for annotations. They are imported when asked for."""
    if name == "Lab":
        from labctl.plugin.lab_fixture import Lab  # noqa: PLC0415

        return Lab
    if name == "Seen":
        from labctl.plugin.lab_result import Seen  # noqa: PLC0415

        return Seen
    raise AttributeError(f"module {__name__} has no attribute {name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options and ini settings."""
    group = parser.getgroup("labctl", "network failures on demand (labctl)")
    group.addoption(
        "--labctl-python", metavar="3.9,3.13|all", help="the Pythons that clients run on"
    )
    group.addoption(
        "--labctl-timeout", metavar="S", type=float, help="seconds that a client may take"
    )
    group.addoption("--labctl-engine", metavar="docker|local|auto", help="where labs run")
    parser.addini("labctl_engine", "where labs run: docker, local or auto", default="")
    parser.addini("labctl_python", "the Pythons that clients run on, or all", default="3.13")
    parser.addini("labctl_timeout", "seconds that a client may take", default="30")
    parser.addini("labctl_scenarios", "folders with your own scenarios", "paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin's markers, and check its settings at once."""
    lines = {"labctl": "runs in a lab: needs Docker"}
    lines |= {layer: f"scenarios of the layer {layer} (labctl)" for layer in LAYERS}
    lines |= {tag: f"scenarios with the tag {tag} (labctl)" for tag in ("core", "essential")}
    for name, text in lines.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    settings_of(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a scenario file."""
    if not may_be_scenario(file_path):
        return None
    from labctl.plugin.collect import scenario_file  # noqa: PLC0415

    return scenario_file(file_path, parent)


def may_be_scenario(path: Path) -> bool:
    """Tell whether a file is YAML with `attempts:` and `layer:` at its top, without parsing it.

    A project's other YAML files are not labctl's, whether they are valid or not.
    """
    if path.suffix not in _SUFFIXES:
        return False
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError:
        return False
    return len(data) <= _MAX_BYTES and all(key.search(data) for key in _KEYS)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give the marker `labctl` to tests with labctl's fixture `lab`."""
    if _uses_lab(item):
        item.add_marker("labctl")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test with `lab` once for each Python, if there are several."""
    if _uses_lab(metafunc):
        pythons = settings_of(metafunc.config).pythons
        if len(pythons) > 1:
            metafunc.parametrize("labctl_python", pythons, indirect=True)


def _uses_lab(test: object) -> bool:
    """Tell whether a test uses labctl's fixture `lab`: another plugin may have one of that name."""
    return "labctl_python" in getattr(test, "fixturenames", ())


@pytest.fixture
def labctl_python(request: pytest.FixtureRequest) -> str:
    """Return the Python that `lab` runs clients on, such as 3.13."""
    python: str = getattr(request, "param", settings_of(request.config).pythons[0])
    return python


@pytest.fixture
def lab(request: pytest.FixtureRequest, labctl_python: str) -> Lab:
    """Run your functions and scripts in labs in which the network fails as a scenario says."""
    from labctl.plugin.lab_fixture import Lab  # noqa: PLC0415

    return Lab(request, python=labctl_python)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tell an attempt of a scenario which test comes next."""
    set_next_item = getattr(item, "set_next_item", None)
    if set_next_item is not None:
        set_next_item(nextitem)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the results of the fixture `lab` to the report of a test."""
    report = yield
    if call.when == "call" and _uses_lab(item):
        from labctl.plugin.failure import complete_report  # noqa: PLC0415

        complete_report(report, call, item)
    return report
