"""Plans and evidence go to JSON and come back unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.evidence import Capture, Evidence
from labctl.model.expectation import Expectation
from labctl.model.layers import LAYERS
from labctl.model.packet import RawPacket
from labctl.model.plan import Interpreter, Plan, PlannedAttempt, PlannedLab
from labctl.model.policy import Policy, Rule
from labctl.model.result import ServerEvent
from labctl.model.scenario import Target
from labctl.run.attempts import Client
from labctl.run.plan import plan
from labctl.run.selection import catalogue

SERVICES = tuple(load_compose(bundled_compose()).values())
SCENARIOS = tuple(catalogue(()).all())
EXPECTATIONS = tuple(e for s in SCENARIOS for a in s.attempts for e in a.expectations)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(0, 2**60)
seconds = st.floats(0, 1e6)
names = st.text("abc-.", min_size=1, max_size=9)
rules = st.builds(
    lambda given: Rule(**given),
    st.fixed_dictionaries(
        {},
        optional={
            "raises": st.sampled_from([("OSError",), ("documented", "ssl.SSLError")]),
            "returns": st.booleans() | names,
            "sockets": st.sampled_from(["closed", "any"]),
            "exits": st.just("any") | st.tuples(st.integers(0, 255)),
        },
    ),
)
interpreters = st.builds(
    Interpreter, series=texts, version=texts, image=texts, packages=st.dictionaries(texts, texts)
)
attempts = st.builds(
    PlannedAttempt,
    key=texts,
    scenario=texts,
    attempt=texts,
    source=texts,
    origin=texts,
    client=texts,
    target=st.builds(Target, host=names, port=st.integers(0, 65535)),
    interpreter=interpreters,
    expectation=st.none() | st.sampled_from(EXPECTATIONS),
    repeat=numbers,
    rule=st.none() | rules,
    requires=st.lists(st.sampled_from(["requests", "httpx"])).map(tuple),
    argv=st.lists(texts).map(tuple),
    env=st.dictionaries(texts, texts),
)
labs = st.builds(
    PlannedLab,
    compose=names.map(Path),
    scenarios=st.lists(texts).map(tuple),
    services=st.lists(st.sampled_from(SERVICES), max_size=3).map(tuple),
    attempts=st.lists(attempts, max_size=3).map(tuple),
    serial=st.booleans(),
)
plans = st.builds(Plan, labs=st.lists(labs, max_size=3).map(tuple))

values = st.recursive(
    st.none() | st.booleans() | numbers | seconds | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
events = st.builds(
    ServerEvent,
    service=texts, at_s=seconds, event=texts, peer=texts, detail=st.dictionaries(texts, values),
)  # fmt: skip
packets = st.builds(
    RawPacket,
    at_ns=numbers, interface=texts, direction=st.sampled_from(["in", "out"]), data=st.binary(),
    length=numbers, link=st.sampled_from(["ethernet", "ip"]),
)  # fmt: skip
captures = st.builds(
    Capture,
    packets=st.lists(packets, max_size=3).map(tuple),
    lost=numbers,
    names=st.dictionaries(texts, texts),
    resolvers=st.lists(texts).map(tuple),
)
evidences = st.builds(
    Evidence,
    report=st.binary(),
    exit=st.none() | st.integers(0, 255),
    out_of_memory=st.booleans(),
    elapsed_s=seconds,
    served=st.lists(events, max_size=3).map(tuple),
    served_lost=numbers,
    capture=st.none() | captures,
)


@given(plans)
def test_a_plan_comes_back_unchanged(before: Plan) -> None:
    after = Plan.from_json(before.to_json())
    assert after == before
    assert [_written(one) for one in after.attempts] == [_written(one) for one in before.attempts]


def _written(attempt: PlannedAttempt) -> list[set[str]]:
    """Which keys were written in the attempt's models: results name those alone."""
    models = (attempt.expectation, attempt.rule, attempt.target)
    return [model.model_fields_set for model in models if model is not None]


@given(evidences)
def test_evidence_comes_back_unchanged(before: Evidence) -> None:
    assert Evidence.from_json(before.to_json()) == before


def test_the_whole_catalogue_comes_back_unchanged() -> None:
    python = Interpreter(series="3.13", version="3.13.5", image="client", packages={})
    client = Client(path=Path("my.py"), source="import ssl\n", requires=("httpx",))
    given: list[dict[str, Any]] = [{}, {"client": client}, {"client": client, "policy": Policy()}]
    for more in given:
        before = plan(SCENARIOS, interpreters=[python], with_libraries=[python], repeat=2, **more)
        assert before.attempts
        assert Plan.from_json(before.to_json()) == before


def test_every_layer_has_expectations() -> None:
    """So that the properties are about all of them."""
    assert {scenario.layer for scenario in SCENARIOS} <= set(LAYERS)
    assert len(set(map(Expectation.model_dump_json, EXPECTATIONS))) > 100


@pytest.mark.parametrize("text", ["", "{", "{}", '{"labs": 1}', "[]"])
def test_other_text_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"validation error"):
        Plan.from_json(text)
    with pytest.raises(ValueError, match=r"validation error"):
        Evidence.from_json(text)


def test_a_path_that_is_not_unicode_is_a_value_error() -> None:
    lab = PlannedLab(compose=Path("\udcff"), services=(), attempts=())
    with pytest.raises(ValueError, match="surrogates"):
        Plan(labs=(replace(lab),)).to_json()
