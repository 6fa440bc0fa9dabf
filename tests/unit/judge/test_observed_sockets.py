"""The sockets that a report tells of."""

from __future__ import annotations

from typing import Any

import pytest

from labctl.judge.observe import observe
from labctl.model.result import Outcome
from tests.unit.judge.samples import evidence, report

LONGEST = "tcp [2001:0db8:0000:0000:0000:0000:0000:0001%interface]:65535"


@pytest.mark.parametrize("sockets", [None, [], ["tcp 198.18.0.3:2525"], [LONGEST] * 16])
def test_they_are_carried_through(sockets: list[str] | None) -> None:
    seen = observe(evidence(report(sockets=sockets)))
    assert seen.outcome is Outcome.RAISED
    assert seen.sockets == (None if sockets is None else tuple(sockets))


def test_a_probe_that_says_nothing_of_them_could_not_tell() -> None:
    assert observe(evidence(report())).sockets is None


@pytest.mark.parametrize("sockets", [["tcp 198.18.0.3:2525"] * 17, ["x" * 101], [1], "tcp", {}])
def test_more_or_other_than_the_probe_tells_is_no_report(sockets: Any) -> None:
    assert observe(evidence(report(sockets=sockets))).outcome is Outcome.GARBLED
