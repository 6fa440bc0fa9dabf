"""The times by which runs are sharded are those of the scenarios that there are."""

from __future__ import annotations

from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.run.selection import measured_times
from tests.unit.judge.samples import interpreter, result
from tools.times import times


def test_every_attempt_has_been_measured() -> None:
    scenarios = Catalogue([bundled_folder("scenarios")], bundled_compose()).all()
    there = {(one.name, attempt.name) for one in scenarios for attempt in one.attempts}
    measured = measured_times()
    assert set(measured) == there
    assert min(measured.values()) > 0


def test_they_are_the_median_of_pythons_and_repeats() -> None:
    results = [
        result(repeat=n, interpreter=interpreter(version)).model_copy(update={"took_s": took})
        for n, version, took in ((1, "3.9.2", 0.31), (2, "3.9.2", 0.52), (1, "3.13.5", 9.0))
    ]
    results += [result(attempt="asyncio").model_copy(update={"took_s": 1.26})]
    assert times(results) == {"refused-port": {"asyncio": 1.3, "smtplib": 0.5}}
