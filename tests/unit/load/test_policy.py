"""Policy files: what is right, which rule holds, and every mistake as one message."""

# ruff: noqa: E501 a mistake and its message are one row of a table

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from labctl.errors import InputError
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.policy import load_policy
from labctl.load.schema import policy_schema
from labctl.load.yaml_reader import read_yaml
from labctl.model.exceptions import known_names
from labctl.model.layers import LAYERS
from labctl.model.libraries import libraries
from labctl.model.policy import (
    DOCUMENTED_BY_PYTHON,
    Policy,
    PolicyFile,
    Rule,
    documented_exceptions,
)
from tests.unit.judge.samples import scenario
from tests.unit.load.test_fuzz import TREES
from tests.unit.load.test_schema import as_json
from tests.unit.load.texts import changed, hint, mistakes, write

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"
NAMES = ("refused-port", "unresolvable-host", "tls-expired")
POLICY = """\
raises: [OSError, mylib.MyError]
returns: true
elapsed: {max: 5s}
sockets: closed
exits: [0, 1]
skip: [unresolvable-host]
layers:
  tls: {raises: [ssl.SSLError]}
scenarios:
  refused-port: {raises: [ConnectionRefusedError], returns: false}
"""
KEYS = "raises, returns, elapsed, sockets, exits, unhandled"
THEY_ARE = f"they are: {', '.join(LAYERS)}"
VALIDATOR = Draft202012Validator(policy_schema())


def load(text: str) -> Policy:
    return load_policy(write("policy.yaml", text), scenarios=NAMES)


def is_valid(text: str) -> bool:
    return VALIDATOR.is_valid(as_json(read_yaml(write("x.yaml", text)).data))


# --- what is right --------------------------------------------------------------------------------


def test_everything_is_there() -> None:
    policy = load(POLICY)
    assert (policy.path, policy.text) == (Path("policy.yaml"), POLICY)
    assert policy.spec.raises == ("OSError", "mylib.MyError")
    assert (policy.spec.elapsed.max, policy.spec.exits) == (5.0, (0, 1))
    assert policy.skips("unresolvable-host")
    assert not policy.skips("refused-port")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "# a\n\n   # b\n"])
def test_an_empty_file_and_none_are_policies_with_defaults(text: str) -> None:
    for policy in (load(text), Policy()):
        rule = policy.rule(scenario())
        assert rule == Rule()
        assert (rule.raises, rule.returns, rule.elapsed.max) == (("documented",), True, 15)
        assert (rule.sockets, rule.exits, rule.unhandled) == ("closed", "any", "none")
        assert rule.admitted == documented_exceptions()
        assert policy.spec.skip == ()
    assert load(text).text == text


def test_the_nearest_rule_that_gives_a_key_counts() -> None:
    policy = load(
        """\
raises: [OSError]
sockets: any
elapsed: {max: 5s}
layers:
  tcp: {raises: [ConnectionError], elapsed: {max: 4s}, exits: [1]}
  tls: {raises: [ssl.SSLError]}
scenarios:
  refused-port: {elapsed: {max: 3s}, returns: false}
  tls-expired: {sockets: closed}
"""
    )
    rule = policy.rule(scenario())
    assert (rule.raises, rule.elapsed.max, rule.exits) == (("ConnectionError",), 3, (1,))
    assert (rule.returns, rule.sockets, rule.unhandled) == (False, "any", "none")
    rule = policy.rule(scenario("reset-at-once"))
    assert (rule.raises, rule.elapsed.max, rule.returns) == (("ConnectionError",), 4, True)
    rule = policy.rule(replace(scenario("tls-expired"), layer="tls"))
    assert (rule.raises, rule.elapsed.max, rule.sockets) == (("ssl.SSLError",), 5, "closed")
    rule = policy.rule(replace(scenario("no-such-name"), layer="dns"))
    assert (rule.raises, rule.elapsed.max, rule.exits) == (("OSError",), 5, "any")


def test_documented_may_stand_beside_others() -> None:
    admitted = load("raises: [documented, mylib.MyError, OSError]").spec.admitted
    assert admitted == (*documented_exceptions(), "mylib.MyError")


def test_what_is_documented_is_called_so() -> None:
    of_python = [one for one in libraries().values() if not one.distribution]
    names = {name for library in of_python for name in library.documented}
    assert "http.client.HTTPException" in names
    assert names | set(DOCUMENTED_BY_PYTHON) <= known_names()


@pytest.mark.parametrize(
    ("returns", "meant"),
    [("true", "..."), ("false", None), ("'...'", "..."), ("\"'ok'\"", "'ok'"), ("'3'", "3")],
)
def test_returns_is_yes_no_or_a_literal(returns: str, meant: str | None) -> None:
    assert load(f"returns: {returns}").spec.returned == meant


def test_every_bundled_scenario_has_a_rule() -> None:
    known = Catalogue([bundled_folder("scenarios")], bundled_compose())
    policy = load_policy(write("policy.yaml", POLICY), scenarios=known.names())
    rules = {one.name: policy.rule(one) for one in known.all()}
    assert rules["refused-port"].returns is False
    assert rules["tls-expired"].raises == ("ssl.SSLError",)


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("raises: [OSError,", "rises: [OSError,", '1: unknown key "rises"; did you mean "raises"?'),
        ("[OSError, mylib.MyError]", "OSError", '1: raises: must be a list, not "OSError"'),
        ("[OSError,", "[OsError,", "1: raises[0]: no exception is called OsError; did you mean OSError, or __main__.OsError, one of the client's own?"),
        ("[OSError,", "[Quirk,", "1: raises[0]: no exception is called Quirk; did you mean __main__.Quirk, one of the client's own?"),
        ("[OSError,", "[documnted,", "1: raises[0]: no exception is called documnted; did you mean documented?"),
        ("[OSError,", "[ssl.SSLErorr,", "1: raises[0]: no exception is called ssl.SSLErorr; did you mean ssl.SSLError?"),
        ("[OSError,", "[an error,", "1: raises[0]: an exception's name is like OSError or module.Name, not 'an error'"),
        ("[OSError,", "[KeyboardInterrupt,", "1: raises[0]: KeyboardInterrupt is what a person does, never what a failure may do"),
        ("[OSError,", "[SystemExit,", "1: raises[0]: SystemExit is what `exits` is for"),
        ("returns: true", "returns: 1", "2: returns: must be text or true or false, not a whole number (1)"),
        ("returns: true", "returns:", "2: returns: has no value: must be text or true or false"),
        ("returns: true", "returns: ''", "2: returns: must not be blank"),
        ("{max: 5s}", "{mx: 5s}", '3: elapsed: unknown key "mx"; did you mean "max"?'),
        ("{max: 5s}", "{max: 5}", "3: elapsed.max: a duration is a number with a unit, like 500ms or 2s, not 5"),
        ("{max: 5s}", "{min: 5s, max: 6s}", '3: elapsed: unknown key "min"'),
        ("{max: 5s}", "{}", '3: elapsed: the key "max" is missing'),
        ("sockets: closed", "sockets: close", '4: sockets: must be "closed" or "any", not "close"; did you mean "closed"?'),
        ("exits: [0, 1]", "exits: [0, 256]", "5: exits[1]: must be at most 255, not 256"),
        ("exits: [0, 1]", "exits: [-1]", "5: exits[0]: must be at least 0, not -1"),
        ("exits: [0, 1]", "exits: none", '5: exits: must be a list or "any", not "none"'),
        ("exits: [0, 1]", "unhandled: closed", '5: unhandled: must be "none" or "any", not "closed"'),
        ("skip: [unresolvable-host]", "skip: [unresolvable-hots]", '6: skip[0]: no scenario is called "unresolvable-hots"; did you mean "unresolvable-host"?'),
        ("skip: [unresolvable-host]", "skip: [UP AND AWAY]", '6: skip[0]: no scenario is called "UP AND AWAY"'),
        ("skip: [unresolvable-host]", "skip: unresolvable-host", '6: skip: must be a list, not "unresolvable-host"'),
        ("  tls: {", "  tsl: {", '8: layers: no layer is called "tsl"; did you mean "tls"?'),
        ("layers:\n  tls: {raises: [ssl.SSLError]}", "layers: [tls]", "7: layers: must be a mapping, not a list"),
        ("{raises: [ssl.SSLError]}", "{raises: [ssl.SSLErro]}", "8: layers.tls.raises[0]: no exception is called ssl.SSLErro; did you mean ssl.SSLError?"),
        ("{raises: [ssl.SSLError]}", "{skip: []}", '8: layers.tls: unknown key "skip"'),
        ("  refused-port:", "  refused-prot:", '10: scenarios: no scenario is called "refused-prot"; did you mean "refused-port"?'),
        ("returns: false}", "retruns: false}", '10: scenarios.refused-port: unknown key "retruns"; did you mean "returns"?'),
        ("returns: false}", "returns: false, returns: true}", '10: the key "returns" is here twice; the first is in line 10'),
        ("closed\n", "&a closed\n", "4: anchors (&a) are not allowed"),
        ("closed\n", "*a\n", "4: aliases (*name) are not allowed"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_message(old: str, new: str, message: str) -> None:
    assert mistakes(lambda: load(changed(POLICY, old, new))) == [f"policy.yaml:{message}"]


def test_many_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    text = "skip: [gone]\nreturns: 1\nscenarios:\n  gone: {}\nlayers: {ip: {}}\n"
    assert [one.partition(": ")[0] for one in mistakes(lambda: load(text))] == [
        "policy.yaml:1", "policy.yaml:2", "policy.yaml:4", "policy.yaml:5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layers: {ip: {}}", THEY_ARE),
        ("skip: [gone]", "`labctl list` shows them all"),
        ("scenarios: {gone: {}}", "`labctl list` shows them all"),
        ("layers: {tls: {skip: []}}", f"keys that can stand here: {KEYS}"),
        ("odd: 1", f"keys that can stand here: {KEYS}, skip, layers, scenarios"),
    ],
)
def test_hints(text: str, expected: str) -> None:
    assert hint(lambda: load(text)) == expected


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_policy(Path("gone.yaml"), scenarios=NAMES)


@given(st.sampled_from(list(PolicyFile.model_fields)), TREES)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_it_loads_or_is_an_error_with_a_place(key: str, value: Any) -> None:
    try:
        load(yaml.safe_dump({key: value, "layers": {"tls": {key: value}}}, allow_unicode=True))
    except InputError as error:
        places = [one.where.path for one in error.each() if one.where]
        assert len(places) == len(error.each())  # noqa: PT017 it may load as well


# --- the schema -----------------------------------------------------------------------------------


def test_the_schema_is_one_and_takes_what_is_right() -> None:
    Draft202012Validator.check_schema(policy_schema())
    assert is_valid(POLICY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("raises: [OSError,", "rises: [OSError,"),
        ("returns: true", "returns: 1"),
        ("{max: 5s}", "{max: 5}"),
        ("{max: 5s}", "{min: 5s, max: 6s}"),
        ("sockets: closed", "sockets: close"),
        ("exits: [0, 1]", "exits: [256]"),
        ("  tls: {", "  tsl: {"),
        ("{raises: [ssl.SSLError]}", "{skip: []}"),
    ],
)
def test_what_loading_refuses_the_schema_does_too(old: str, new: str) -> None:
    text = changed(POLICY, old, new)
    assert not is_valid(text)
    with pytest.raises(InputError):
        load(text)


def test_editors_are_told_what_every_key_means() -> None:
    schema = policy_schema()
    for model in (schema, *schema["$defs"].values()):
        assert [key for key, it in model["properties"].items() if not it.get("description")] == []


# --- the page -------------------------------------------------------------------------------------


def test_every_policy_of_the_page_loads() -> None:
    shown = re.findall(
        r"^```yaml\n(# \S*policy\.yaml\n.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M
    )
    known = Catalogue([bundled_folder("scenarios")], bundled_compose()).names()
    assert shown
    for text in shown:
        assert load_policy(write("policy.yaml", text), scenarios=known).spec.model_fields_set


def test_the_page_tells_every_key_and_what_python_documents() -> None:
    told = PAGE.read_text("utf-8")
    for name in (*PolicyFile.model_fields, *DOCUMENTED_BY_PYTHON):
        assert re.search(rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`", told), name
    assert "15s" in told
