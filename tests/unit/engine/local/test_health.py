"""When a container is healthy, by what its check says."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from labctl.engine.local import health as health_module
from labctl.engine.local.health import Health, command_of
from labctl.engine.runtime import CheckResult
from labctl.model.compose import Healthcheck

LIMIT_S = 20
GOOD, BAD, LATE = 0, 1, None


@pytest.mark.parametrize(
    ("test", "command"),
    [
        ("exit 1 | cat", ("/bin/sh", "-c", "exit 1 | cat")),
        (("CMD", "true", "a b"), ("true", "a b")),
        (("CMD-SHELL", "exit 1 | cat"), ("/bin/sh", "-c", "exit 1 | cat")),
        (("CMD",), ()),
    ],
)
def test_commands(test: str | tuple[str, ...], command: tuple[str, ...]) -> None:
    assert command_of(Healthcheck.model_validate({"test": test})) == command


class Checked:
    """Health whose checks end when the test says so."""

    def __init__(self, **settings: Any) -> None:
        given = {"test": ("CMD", "look"), "interval": 0.001, "timeout": 7.0, **settings}
        self.asked: list[tuple[tuple[str, ...], float]] = []
        self.thread: threading.Thread | None = None
        self._begins = threading.Semaphore(0)
        self._results: queue.Queue[CheckResult] = queue.Queue()
        self.health = Health(Healthcheck.model_validate(given), self._run)

    def _run(self, command: tuple[str, ...], limit_s: float) -> CheckResult:
        self.thread = threading.current_thread()
        self.asked.append((command, limit_s))
        self._begins.release()
        return self._results.get(timeout=LIMIT_S)

    def wait(self) -> None:
        """Wait until the next check is being made: what the last one said has been noted."""
        assert self._begins.acquire(timeout=LIMIT_S)

    def answer(self, code: int | None) -> bool | None:
        """Let the check that is being made end so, and return what is known then."""
        self.let_end(code)
        self.wait()
        return self.health.is_healthy

    def let_end(self, code: int | None) -> None:
        self._results.put(CheckResult(exit_code=code, output=f"code {code}"))


@contextmanager
def checked(**settings: Any) -> Iterator[Checked]:
    """One whose first check is being made; with no time in which failures don't count."""
    made = Checked(**settings)
    made.health.begin()
    try:
        made.wait()
        yield made
    finally:
        made.health.end()
        made.let_end(GOOD)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time that it is for whoever checks, which goes on only if a test says so."""
    made = SimpleNamespace(now=100.0)
    monkeypatch.setattr(health_module, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_a_check_that_succeeds_makes_it_healthy() -> None:
    with checked() as one:
        assert (one.health.is_healthy, one.health.last) == (None, None)
        assert one.answer(GOOD) is True
        assert one.health.last == CheckResult(exit_code=0, output="code 0")
        assert one.asked == [(("look",), 7.0)] * 2


@pytest.mark.parametrize("code", [BAD, LATE, 126])
def test_enough_failures_in_a_row_make_it_unhealthy(code: int | None) -> None:
    with checked(retries=3) as one:
        assert [one.answer(code) for _ in range(4)] == [None, None, False, False]
        assert one.health.last == CheckResult(exit_code=code, output=f"code {code}")


def test_a_success_begins_the_count_anew() -> None:
    with checked(retries=2) as one:
        assert one.answer(BAD) is None
        assert [one.answer(code) for code in (GOOD, BAD, GOOD, BAD)] == [True] * 4
        assert [one.answer(BAD), one.answer(BAD), one.answer(GOOD)] == [False, False, True]


def test_failures_in_the_beginning_do_not_count(clock: SimpleNamespace) -> None:
    with checked(retries=2, start_period=10.0) as one:
        assert [one.answer(BAD) for _ in range(5)] == [None] * 5
        clock.now += 10.5
        assert [one.answer(BAD), one.answer(BAD)] == [None, False]


@pytest.mark.usefixtures("clock")
def test_once_it_is_healthy_failures_count() -> None:
    with checked(retries=2, start_period=10.0) as one:
        assert [one.answer(code) for code in (BAD, GOOD, BAD, BAD)] == [None, True, True, False]


def test_it_waits_for_the_interval_first() -> None:
    one = Checked(interval=600.0)
    one.health.begin()
    assert not one.asked
    one.health.end()


def test_without_a_command_it_is_healthy() -> None:
    one = Checked(test=("CMD",))
    one.health.begin()
    assert (one.health.is_healthy, one.health.last) == (True, None)
    assert not one.asked


def test_after_the_end_nothing_changes() -> None:
    """A check that is being made when the container ends fails, of course."""
    with checked(retries=1) as one:
        assert one.answer(GOOD) is True
        one.health.end()
        one.let_end(BAD)
        assert one.thread
        one.thread.join(LIMIT_S)
        assert not one.thread.is_alive()
        assert (one.health.is_healthy, one.health.last) == (
            True, CheckResult(exit_code=0, output="code 0"),
        )  # fmt: skip
        assert len(one.asked) == 2
