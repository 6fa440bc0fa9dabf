"""The first signal ends the work; the others can't cut the cleaning short."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from labctl.errors import Terminated
from labctl.run.signals import patient, terminable

BOTH = (signal.SIGINT, signal.SIGTERM)
RAISED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


def _handler(_number: int, _frame: object) -> None:
    raise AssertionError("the handler from before was called")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """What was set before is there again after each test."""
    before = {number: signal.signal(number, _handler) for number in BOTH}
    yield
    after = {number: signal.signal(number, before[number]) for number in BOTH}
    assert set(after.values()) <= {_handler, signal.SIG_IGN}


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("second", BOTH)
def test_only_the_first_raises(
    first: signal.Signals, second: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    with terminable():
        with pytest.raises(RAISED[first]):
            signal.raise_signal(first)
        assert capfd.readouterr().err == ""
        signal.raise_signal(second)
        assert capfd.readouterr().err == "labctl: cleaning up, a moment\n"


@pytest.mark.parametrize("number", BOTH)
def test_none_raises_while_we_clean_up(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    with terminable():
        with patient():
            signal.raise_signal(number)
        assert capfd.readouterr().err == "labctl: cleaning up, a moment\n"
        with pytest.raises(RAISED[number]):
            signal.raise_signal(number)


def test_an_interruption_that_is_ignored_stays_so(capfd: pytest.CaptureFixture[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with terminable():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert capfd.readouterr().err == ""
