"""The pytest plugin: scenario files as tests, and the fixture `lab` for tests of one's own code.

pytest imports this in every project that has labctl installed: what costs time is imported by the
functions that need it, and those do nothing before there is a scenario file or a test with `lab`.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labctl.plugin.settings import settings_of
from labctl.plugin.sniff import may_be_scenario

if TYPE_CHECKING:
    from labctl.plugin.handle import Lab
    from labctl.plugin.seen import Seen
    from labctl.plugin.stage import Stage

__all__ = ["Lab", "Seen"]

LAYERS = ("dns", "tcp", "udp", "tls", "smtp", "http", "ftp", "imap", "pop3", "other")
"""As in labctl.model.scenario, which takes long to import."""
STAGE: pytest.StashKey[Stage] = pytest.StashKey()
"""What all tests of one pytest share, once one of them has asked for it."""
SEEN: pytest.StashKey[list[Seen]] = pytest.StashKey()
"""What a test has seen with the fixture `lab`."""


def __getattr__(name: str) -> object:
    """`Lab` and `Seen`, for annotations."""
    if name == "Lab":
        from labctl.plugin.handle import Lab  # noqa: PLC0415

        return Lab
    if name == "Seen":
        from labctl.plugin.seen import Seen  # noqa: PLC0415

        return Seen
    raise AttributeError(f"module {__name__} has no attribute {name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("labctl", "network failures on demand (labctl)")
    group.addoption(
        "--labctl-python", metavar="3.9,3.13|all", help="the Pythons that clients run on"
    )
    group.addoption(
        "--labctl-timeout", metavar="S", type=float, help="seconds that a client may take"
    )
    parser.addini("labctl_python", "the Pythons that clients run on, or all", default="3.13")
    parser.addini("labctl_timeout", "seconds that a client may take", default="30")
    parser.addini("labctl_scenarios", "folders with scenarios of one's own", "paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    lines = {"labctl": "runs in a lab: needs Docker"}
    lines |= {layer: f"scenarios of the layer {layer} (labctl)" for layer in LAYERS}
    lines |= {tag: f"scenarios with the tag {tag} (labctl)" for tag in ("core", "essential")}
    for name, text in lines.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    settings_of(config)  # what is wrong with them is told at once


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if not may_be_scenario(file_path):
        return None
    from labctl.plugin.collect import scenario_file  # noqa: PLC0415

    return scenario_file(file_path, parent)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with the fixture `lab` is one of ours: others may have a fixture of that name."""
    if "labctl_python" in getattr(item, "fixturenames", ()):
        item.add_marker("labctl")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with `lab` is made for each Python, where there are several."""
    if "labctl_python" in metafunc.fixturenames:
        pythons = settings_of(metafunc.config).pythons
        if len(pythons) > 1:
            metafunc.parametrize("labctl_python", pythons, indirect=True)


@pytest.fixture
def labctl_python(request: pytest.FixtureRequest) -> str:
    """The Python that `lab` runs clients on, such as 3.13."""
    python: str = getattr(request, "param", settings_of(request.config).pythons[0])
    return python


@pytest.fixture
def lab(request: pytest.FixtureRequest, labctl_python: str) -> Lab:
    """Runs functions and scripts of yours in labs, where the network fails as a scenario says."""
    from labctl.plugin.handle import Lab  # noqa: PLC0415

    return Lab(request, python=labctl_python)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    note_next = getattr(item, "note_next", None)
    if note_next is not None:
        note_next(nextitem)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if SEEN in item.stash and call.when == "call":
        from labctl.plugin.failure import complete  # noqa: PLC0415

        complete(report, call, item.stash[SEEN])
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if STAGE in session.config.stash:
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        session.config.stash[STAGE].close(interrupted=interrupted)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Where pytest itself broke, no session was finished."""
    if STAGE in config.stash:
        config.stash[STAGE].close(interrupted=True)
