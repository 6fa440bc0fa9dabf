"""What all tests share: the default run and the whole run, the engine that labs of tests are on,
and the times at the end.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ENGINES = ("local", "docker")
MARKS = (
    "docker: is about Docker or Podman, and is not run on the local engine",
    "local: is about the local engine, and is not run on Docker",
    "both: is one of each kind; runs on Docker without `--all`, too",
)
_SLOW_S = 1.0
"""Files that take less than this are not listed at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all", action="store_true", help="also run the tests that are marked as `whole`"
    )
    parser.addoption(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="the engine that tests of labs run on (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take SIGINT for what it is: in what a shell starts in the background it is ignored, and so
    it would be in every labctl that tests start and interrupt.

    How fast a machine is says nothing of labctl: examples of hypothesis have no deadline.
    """
    for line in MARKS:
        config.addinivalue_line("markers", line)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile(
        "labctl",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=100 if config.getoption("--all") else 20,
    )
    settings.load_profile("labctl")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that are marked as `whole`, unless `--all` asks for them."""
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("whole")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("whole")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long the tests of each file took together, the slowest file first."""
    times: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                times[report.nodeid.partition("::")[0]] += report.duration
    slow = sorted(((took, file) for file, took in times.items() if took >= _SLOW_S), reverse=True)
    if slow:
        terminalreporter.section(f"time by file, in seconds; all: {sum(times.values()):.0f}")
        for took, file in slow:
            terminalreporter.write_line(f"{took:7.1f} {file}")


@pytest.fixture(scope="session")
def is_whole(pytestconfig: pytest.Config) -> bool:
    """Whether every test is to be run, with all its repetitions."""
    return bool(pytestconfig.getoption("--all"))


@pytest.fixture(autouse=True)
def _home_is_off_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """labctl keeps nothing in the home directory: here there is none to write to."""
    monkeypatch.setenv("HOME", str(tmp_path / "no-such-home"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
