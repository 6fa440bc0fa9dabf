"""Results of the parts of a run, joined."""

from __future__ import annotations

from itertools import permutations

import pytest

from labctl.errors import UsageError
from labctl.model.result import AttemptResult, ImageInfo, Result, ScenarioInfo, Verdict
from labctl.results.merge import merge
from tests.unit.judge.samples import interpreter, result, returned
from tests.unit.report.rendered import result_of

INFO = ScenarioInfo(title="t", layer="tcp", lines={"smtplib": 4, "asyncio": 9})


def part(*attempts: AttemptResult, **changes: object) -> Result:
    scenarios = {one.scenario: INFO for one in attempts}
    return result_of(*attempts).model_copy(update={"scenarios": scenarios, **changes})


def shard(of: Result, name: str, **changes: object) -> Result:
    request = of.request.model_copy(update={"shard": name, **changes})
    return of.model_copy(update={"request": request})


def image(python: str = "3.13.5", **changes: object) -> ImageInfo:
    return ImageInfo(id="sha256:1", origin="host", python=python).model_copy(update=changes)


ONE = result()
OTHER = result(returned("3"), attempt="asyncio")
OLD = result(interpreter=interpreter("3.9.2"))
AFTER = result(scenario="zebra")


def test_whatever_the_order_of_the_parts_the_whole_is_the_same() -> None:
    parts = [("a", part(AFTER, ONE)), ("b", part(OTHER)), ("c", part(OLD))]
    for order in permutations(parts):
        whole = merge(order)
        assert whole.attempts == (OLD, ONE, OTHER, AFTER)
        assert whole.summary[Verdict.PASS] == 3
        assert whole.summary[Verdict.FAIL] == 1
        assert list(whole.scenarios) == ["refused-port", "zebra"]


def test_it_began_with_the_first_took_as_long_as_the_longest_and_is_no_part() -> None:
    first = part(ONE, started=200.0, took_s=9.0)
    second = part(OTHER, started=100.0, took_s=20.0, interrupted=True)
    whole = merge([("a", shard(first, "1/2")), ("b", shard(second, "2/2"))])
    assert (whole.started, whole.took_s, whole.interrupted) == (100.0, 20.0, True)
    assert whole.request.shard == ""


def test_an_attempt_that_two_have() -> None:
    with pytest.raises(UsageError) as caught:
        merge([("a.json", part(ONE)), ("b.json", part(OTHER, ONE))])
    assert str(caught.value) == "a.json and b.json both have refused-port/smtplib on Python 3.13.5"
    assert caught.value.hint == "merge the parts of one run: each --shard once"


def test_parts_of_two_labctls() -> None:
    with pytest.raises(UsageError) as caught:
        merge([("a", part(ONE)), ("b", part(OTHER, labctl="9"))])
    assert str(caught.value) == "a is of labctl 0.1.0, and b of 9"


def test_machines_may_have_built_an_image_each() -> None:
    first = part(ONE, images={"lab": image(), "client": image()})
    second = part(OTHER, images={"lab": image(id="sha256:2")})
    assert list(merge([("a", first), ("b", second)]).images) == ["client", "lab"]


@pytest.mark.parametrize("other", [image("3.13.6"), image(packages={"httpx": "1"})])
def test_but_with_the_same_versions(other: ImageInfo) -> None:
    first = part(ONE, images={"lab": image()})
    with pytest.raises(UsageError) as caught:
        merge([("a", first), ("b", part(OTHER, images={"lab": other}))])
    assert str(caught.value) == "lab has other versions in a than in b"


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        (("1/3", "3/3"), "the run lacks shard 2/3"),
        (("2/4", "3/4"), "the run lacks shard 1/4, 4/4"),
        (("1/2", "2/3"), "these are not the shards of one run: a is shard 1/2, b is shard 2/3"),
        (("1/2", ""), "these are not the shards of one run: a is shard 1/2, b is none"),
    ],
)
def test_a_shard_that_is_lacking(shards: tuple[str, str], message: str) -> None:
    parts = zip(("a", "b"), (part(ONE), part(OTHER)), shards, strict=True)
    with pytest.raises(UsageError) as caught:
        merge([(name, shard(one, which)) for name, one, which in parts])
    assert str(caught.value) == message


def test_parts_that_were_not_asked_for_the_same() -> None:
    for changes in ({"source": "x"}, {"policy": ""}, {"timeout_s": 5.0}, {"attempts": ("a",)}):
        with pytest.raises(UsageError) as caught:
            merge([("a", part(ONE)), ("b", shard(part(OTHER), "", **changes))])
        assert str(caught.value) == "a and b were not asked for the same"
    whole = merge([("a", part(ONE)), ("b", shard(part(OTHER), "", jobs=9, fail_fast=True))])
    assert len(whole.attempts) == 2


def test_a_scenario_that_is_another() -> None:
    info = INFO.model_copy(update={"files": {"refused-port.yaml": "name: other"}})
    with pytest.raises(UsageError) as caught:
        merge([("a", part(ONE)), ("b", part(OTHER, scenarios={"refused-port": info}))])
    assert str(caught.value) == "refused-port is another in a than in b"
