"""Exercise files: what is right, and every mistake as one message with file, line and key."""

# ruff: noqa: E501 a mistake and its message are one row of a table

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.errors import InputError, UsageError
from labctl.load.bundled import bundled_folder
from labctl.load.exercise import load_exercise, series_of
from labctl.model.exercise import RULES
from tests.unit.load.exercises import COMPOSE, EXERCISE, exercises, known, load
from tests.unit.load.test_fuzz import PARTS, TREES, VALUES
from tests.unit.load.texts import changed, hint, mistakes, write

BUNDLED = sorted(path.parent.name for path in bundled_folder("exercises").glob("*/exercise.yaml"))
A_RULE = f"needs exactly one of: {', '.join(RULES)}"
A_NAME = "must be a name of at most 63 small letters, digits, dots, dashes and underscores"
WORKS = "clients.tell.runs.works"
REFUSED = "clients.tell.runs.refused"
EXIT = "- {exit: 0}"
WIRE = '- {wire: "tcp {host}:{port} refused"}'
SERVED = '{served: "mail message to=bob@{host}", times: {min: 1, max: 1}, points: 2}'


# --- what is right --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_exercise_loads(name: str) -> None:
    one = exercises(str(bundled_folder("exercises"))).load(name)
    assert (one.name, one.folder.name) == (name, name)
    assert one.files
    assert len(one.digest) == 64


def test_everything_is_resolved() -> None:
    one = load(EXERCISE)
    assert one.files == ("answers.yaml", "client.py", "my.yaml")
    (about,) = one.abouts
    assert (about.name, about.scenario.name, about.attempt.name, about.python) == (
        "gone", "refused-port", "socket", "3.13",
    )  # fmt: skip
    works, refused = one.runs
    assert (works.name, works.file, works.target.host) == ("tell/works", "client.py", "mail.lab")
    assert [service.name for service in works.services] == ["dns", "mail"]
    assert works.compose == refused.compose == COMPOSE
    assert refused.target == about.scenario.target
    assert refused.services == about.scenario.services
    assert series_of(one) == ["3.13"]


def test_defaults() -> None:
    spec = load(
        changed(EXERCISE, 'level: 2\npython: "3.13"\nlimits: {tries: 3, time: 5s}\n', "")
    ).spec
    assert (spec.level, spec.weight, spec.python) == (1, 1, "3.13")
    assert (spec.limits.tries, spec.limits.time) == (None, 10)
    run = spec.clients["tell"].runs["works"]
    assert (run.vary, run.hidden, run.bonus) == (True, False, False)
    assert (run.checks[1].points, run.checks[1].hint) == (1, "-")


def test_pythons_are_those_of_the_exercise_and_of_what_is_asked_about() -> None:
    old = changed(EXERCISE, "attempt: socket}", 'attempt: socket, python: "3.9"}')
    assert series_of(load(old)) == ["3.9", "3.13"]


def test_a_compose_file_beside_it() -> None:
    write(
        "mine/lab.yaml",
        "services: {web: {image: labctl/lab, command: [script]}}\nnetworks: {lab: {}}\n",
    )
    text = changed(EXERCISE, "level: 2", "compose: lab.yaml")
    text = changed(
        text,
        "services: [mail]\n        target: {host: mail.lab, port: 25}",
        "services: [web]\n        target: {host: web, port: 80}",
    )
    works, refused = load(changed(text, SERVED, "{exit: 1}")).runs
    assert works.compose == Path("mine/lab.yaml")
    assert [service.name for service in works.services] == ["dns", "web"]
    assert refused.compose == COMPOSE


def test_the_digest_is_of_all_that_decides() -> None:
    before = load(EXERCISE).digest
    write("mine/start/client.py", "pass")
    assert load(EXERCISE).digest == before
    write("mine/lab.yaml", "x: 1")
    assert load(EXERCISE).digest != before


# --- mistakes -------------------------------------------------------------------------------------


def told(text: str) -> list[str]:
    return mistakes(lambda: load(text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Tell why\n", "", '1: the key "title" is missing'),
        ("title: Tell why", "titel: Tell why", '2: unknown key "titel"; did you mean "title"?'),
        ("level: 2", "level: 6", "4: level: must be at most 5, not 6"),
        ("level: 2", "weight: 0", "4: weight: input should be greater than 0"),
        ('python: "3.13"', "python: 3.13", "5: python: must be text, not a number (3.13)"),
        ('python: "3.13"', 'python: "3.8"', "5: python: no client image has Python '3.8'; there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14"),
        ("tries: 3", "tries: 0", "6: limits.tries: must be at least 1, not 0"),
        ("tries: 3", "trys: 3", '6: limits: unknown key "trys"; did you mean "tries"?'),
        ("time: 5s", "time: 5", "6: limits.time: a duration is a number with a unit, like 500ms or 2s, not 5"),
        ("scenario: refused-port, attempt", "scenario: refused-prot, attempt", '9: predict.about.gone.scenario: no scenario is called "refused-prot"; did you mean "refused-port"?'),
        ("attempt: socket", "attempt: sockt", '9: predict.about.gone.attempt: refused-port has no attempt "sockt"; did you mean "socket"?'),
        ("attempt: socket", "attempt: zebra", '9: predict.about.gone.attempt: refused-port has no attempt "zebra"'),
        ("about: gone\n", "about: gnoe\n", '12: predict.questions.which.about: nothing in about is called "gnoe"; did you mean "gone"?'),
        ("ask: exception", "ask: exeption", '13: predict.questions.which.ask: must be "exception", "errno", "innermost", "modules" or "wire", not "exeption"; did you mean "exception"?'),
        ("ask: exception", "aks: exception", '13: predict.questions.which: unknown key "aks"; did you mean "ask"?'),
        ("    file: client.py", "    file: src/client.py", "17: clients.tell.file: a file that students hand in has a plain name, like client.py"),
        ("    file: client.py", "    file: ..", "17: clients.tell.file: a file that students hand in has a plain name, like client.py"),
        ("works:", "It Works:", f'20: clients.tell.runs.It Works: {A_NAME}, not "It Works"'),
        ("services: [mail]", "services: [dns, mial]", f'22: {WORKS}.services[1]: no service is called "mial"; did you mean "mail"?'),
        ("services: [mail]", "services: [zebra]", f'22: {WORKS}.services[0]: no service is called "zebra"'),
        ("mail.lab", "mial.lab", f'23: {WORKS}.target.host: nothing in the lab is called "mial.lab"; did you mean "mail.lab"?'),
        ("port: 25}", 'port: "25"}', f'23: {WORKS}.target.port: must be a whole number, not "25"'),
        ("LAB_TO", "LAB_HOST", f"24: {WORKS}.env.LAB_HOST: a variable has a name like LAB_USER; LAB_HOST and LAB_PORT are there"),
        ("LAB_TO", "LAB-TO", f"24: {WORKS}.env.LAB-TO: a variable has a name like LAB_USER; LAB_HOST and LAB_PORT are there"),
        ("bob@{host}\"}", "bob@{hots}\"}", f"24: {WORKS}.env.LAB_TO: there is no {{hots}}; there are {{host}}, {{port}} and {{nonce}}"),
        ("{nonce}", "{name}", f"25: {WORKS}.argv[0]: there is no {{name}}; there are {{host}}, {{port}} and {{nonce}}"),
        ("mail message", "mail massage", f'27: {WORKS}.checks[0].served: mail never says "massage"; did you mean "message"?'),
        ("mail message", "mial message", f'27: {WORKS}.checks[0].served: no service of the scenario is called "mial"; did you mean "mail"?'),
        ("mail message to", "mail message too", f'27: {WORKS}.checks[0].served: mail says no "too" with message; did you mean "to"?'),
        ("mail message to=bob@{host}", "mail", f"27: {WORKS}.checks[0].served: a server's event looks like 'mail message from=ada@lab.test to=bob@lab.test', not 'mail'"),
        ("to=bob@{host}", "to=bob@{hots}", f"27: {WORKS}.checks[0].served: there is no {{hots}}; there are {{host}}, {{port}} and {{nonce}}"),
        ("{min: 1, max: 1}", "{max: 0}", f"27: {WORKS}.checks[0].times: max is 0, but min is 1 (it is 1 if left out)"),
        ("{min: 1, max: 1}", "{mim: 1}", f'27: {WORKS}.checks[0].times: unknown key "mim"; did you mean "min"?'),
        ("{min: 1, max: 1}", "2", f"27: {WORKS}.checks[0].times: must be a mapping, not a whole number (2)"),
        ("points: 2", "points: -1", f"27: {WORKS}.checks[0].points: must be at least 0.0, not -1"),
        (EXIT, "- {exit: 256}", f"28: {WORKS}.checks[1].exit: must be at most 255, not 256"),
        (EXIT, '- {exit: 0, stdout: "x"}', f"28: {WORKS}.checks[1]: {A_RULE}"),
        (EXIT, "- {points: 1}", f"28: {WORKS}.checks[1]: {A_RULE}"),
        (EXIT, "- {exti: 0}", f'28: {WORKS}.checks[1]: unknown key "exti"; did you mean "exit"?'),
        (EXIT, "- {exit: 0, times: {min: 2}}", f"28: {WORKS}.checks[1]: times goes with served or wire"),
        (EXIT, "- {raises: OSErorr}", f"28: {WORKS}.checks[1].raises: no exception is called OSErorr; did you mean OSError?"),
        (EXIT, "- {elapsed: {max: 2}}", f"28: {WORKS}.checks[1].elapsed.max: a duration is a number with a unit, like 500ms or 2s, not 2"),
        (EXIT, "- {again_after: rest}", f'28: {WORKS}.checks[1].again_after: must be "refused", "unanswered", "unreachable", "reset", "closed" or "open", not "rest"; did you mean "reset"?'),
        (EXIT, "- {secret: ' '}", f"28: {WORKS}.checks[1].secret: must not be blank"),
        (EXIT, "- {tries: {min: 2, max: 1}}", f"28: {WORKS}.checks[1].tries: max is 1, but min is 2 (it is 1 if left out)"),
        (EXIT, "- exit", f'28: {WORKS}.checks[1]: must be a mapping, not "exit"'),
        ("scenario: refused-port\n", "scenario: refused-prot\n", f'31: {REFUSED}.scenario: no scenario is called "refused-prot"; did you mean "refused-port"?'),
        ("scenario: refused-port\n", "scenario: ../refused-port\n", f'31: {REFUSED}.scenario: {A_NAME}, not "../refused-port"'),
        ("        scenario: refused-port\n", "", f"30: {REFUSED}: needs a scenario, or a target, and not both"),
        ("scenario: refused-port\n", "scenario: refused-port\n        services: [mail]\n", f"30: {REFUSED}: services go with target; a scenario brings its own"),
        ("hidden: true", "hidden: 1", f"32: {REFUSED}.hidden: must be true or false, not a whole number (1)"),
        ("hidden: true", "hiden: true", f'32: {REFUSED}: unknown key "hiden"; did you mean "hidden"?'),
        (f"\n          {WIRE}", " []", f"33: {REFUSED}.checks: must not be empty"),
        (WIRE, '- {wire: "tcp {host}:{port} refuse"}', f"34: {REFUSED}.checks[0].wire: a tcp flow ends with refused, unanswered, unreachable, reset, closed, open, not 'refuse'"),
        (WIRE, '- {wire: "tcp {host} refused"}', f"34: {REFUSED}.checks[0].wire: a tcp flow looks like 'tcp closed.lab:2525 refused', not 'tcp host.lab refused'"),
        ("file: my.yaml", "file: my scenario", "37: scenarios.own.file: a file that students hand in has a plain name, like client.py"),
        ("raises: ConnectionResetError", "raises: ConectionResetError", "39: scenarios.own.raises: no exception is called ConectionResetError; did you mean ConnectionResetError?"),
        ("level: 2", "compose: lab.yaml", "4: compose: there is no file lab.yaml beside the exercise"),
        ("level: 2", "compose: ../lab.yaml", "4: compose: there is no file ../lab.yaml beside the exercise"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_message(old: str, new: str, message: str) -> None:
    assert told(changed(EXERCISE, old, new)) == [f"mine/exercise.yaml:{message}"]


def test_one_that_asks_nothing() -> None:
    text = EXERCISE.partition("predict:")[0]
    assert told(text) == ["mine/exercise.yaml:1: asks nothing: needs predict, clients or scenarios"]


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    text = changed(
        EXERCISE, "scenario: refused-port, attempt: socket", "scenario: gone, attempt: a"
    )
    text = changed(changed(text, "[mail]", "[mial]"), "about: gone\n", "about: gnoe\n")
    assert [line.split(":")[1] for line in told(text)] == ["9", "12", "22"]


def test_a_mistake_that_many_runs_meet_is_told_once() -> None:
    text = changed(EXERCISE, "level: 2", "compose: lab.yaml")
    text = changed(text, "scenario: refused-port\n", "target: {host: a.lab, port: 1}\n")
    assert told(text) == [
        "mine/exercise.yaml:4: compose: there is no file lab.yaml beside the exercise"
    ]
    write("mine/lab.yaml", "services: {}\n")
    assert len(told(text)) == 1
    assert told(text)[0].startswith("mine/lab.yaml:1: ")


def test_what_is_asked_about_must_be_expected_on_its_python() -> None:
    write("s/mine.yaml", SCENARIO_OF_TODAY)
    catalogue = known()
    catalogue._folders = (Path("s"),)  # noqa: SLF001
    text = changed(
        EXERCISE,
        "{scenario: refused-port, attempt: socket}",
        '{scenario: mine, attempt: socket, python: "3.9"}',
    )
    text = changed(text, "scenario: refused-port\n", "scenario: mine\n")
    path = write("mine/exercise.yaml", text)
    assert mistakes(lambda: load_exercise(path, scenarios=catalogue, builtin_compose=COMPOSE)) == [
        "mine/exercise.yaml:9: predict.about.gone: mine/socket expects nothing of Python 3.9"
    ]


SCENARIO_OF_TODAY = """\
name: mine
title: Nothing listens
layer: tcp
story: Its kernel answers with a RST.
services: [closed]
target: {host: closed.lab, port: 2525}
attempts:
  socket:
    client: import socket
    expect: [{python: ">=3.10", raises: ConnectionRefusedError}]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("attempt: socket", "attempt: zebra", "it has: smtplib, socket, "),
        ("scenario: refused-port\n", "scenario: zebra\n", "`labctl list` shows them all"),
        ("[mail]", "[zebra]", "there are: dns, closed, filtered, mail"),
        ("mail message", "mail massage", "it says: connect, ehlo, helo, message, disconnect"),
        ("title: Tell", "titel: Tell", "keys that can stand here: name, title, text, level"),
    ],
)  # fmt: skip
def test_hints(old: str, new: str, said: str) -> None:
    text = changed(EXERCISE, old, new)
    assert hint(lambda: load(text)).startswith(said)


# --- found by name --------------------------------------------------------------------------------


def named(name: str) -> str:
    return changed(EXERCISE, "name: mine", f"name: {name}")


def test_exercises_are_folders_in_folders() -> None:
    for place in ("e/b/exercise.yaml", "e/a/exercise.yaml", "f/c/exercise.yaml"):
        write(place, named(Path(place).parent.name))
    for place in ("e/exercise.yaml", "e/d/other.yaml", "e/x/y/exercise.yaml"):
        write(place, "{")
    both = exercises("e", "f")
    assert both.names() == ["a", "b", "c"]
    assert both.load("c").path == Path("f/c/exercise.yaml")
    found, errors = both.sorted_out()
    assert ([one.name for one in found], errors) == (["a", "b", "c"], [])


@pytest.mark.parametrize("path", ["e/a", "e/a/", "./e/a", "e/a/exercise.yaml"])
def test_one_is_named_by_its_folder_or_file(path: str) -> None:
    write("e/a/exercise.yaml", named("a"))
    assert exercises().load(path).name == "a"


def test_a_file_may_have_any_name_where_it_is_given() -> None:
    write("other.yaml", named("a"))
    assert exercises().load("other.yaml").name == "a"


@pytest.mark.parametrize(
    ("name", "meant"), [("tel-them-apart", '; did you mean "tell-them-apart"?'), ("zebra", "")]
)
def test_a_name_that_nobody_has(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        exercises(str(bundled_folder("exercises"))).load(name)
    assert caught.value.message == f'no exercise is called "{name}"{meant}'
    assert caught.value.hint == (
        "`labctl exercise list` shows them all; a folder is given as ./my-exercise"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("./none", "none: there is no such file"),
        ("none.yaml", "none.yaml: there is no such file"),
        ("./e", "e/exercise.yaml: there is no such file"),
    ],
)
def test_a_path_that_leads_nowhere(path: str, message: str) -> None:
    Path("e").mkdir()
    assert mistakes(lambda: exercises().load(path)) == [message]


def test_its_folder_has_its_name() -> None:
    write("e/a/exercise.yaml", named("b"))
    message = 'e/a/exercise.yaml: name: must be "a", as its folder is called, not "b"'
    assert mistakes(lambda: exercises("e").load("a")) == [message]
    assert [str(error) for error in exercises("e").sorted_out()[1]] == [message]


def test_two_folders_with_one_name() -> None:
    write("e/a/exercise.yaml", named("a"))
    write("f/a/exercise.yaml", named("a"))
    message = 'f/a/exercise.yaml: there is an exercise called "a" in e/a too'
    assert mistakes(lambda: exercises("e", "f").names()) == [message]
    assert exercises("e", "e", "./e").names() == ["a"]


def test_what_is_wrong_keeps_nothing_else_from_being_found() -> None:
    write("e/a/exercise.yaml", named("a"))
    write("e/b/exercise.yaml", changed(named("b"), "level: 2", "level: 9"))
    found, errors = exercises("e").sorted_out()
    assert [one.name for one in found] == ["a"]
    assert [str(error) for error in errors] == [
        "e/b/exercise.yaml:4: level: must be at most 5, not 9"
    ]


# --- anything at all ------------------------------------------------------------------------------

FUZZ = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The exercise with parts cut out, put in or, after a colon, replaced."""
    text = EXERCISE
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            lines = text.split("\n")
            number = draw(st.integers(0, len(lines) - 1))
            lines[number] = f"{lines[number].partition(':')[0]}: {draw(st.sampled_from(VALUES))}"
            text = "\n".join(lines)
        else:
            start = draw(st.integers(0, len(text)))
            end = start + draw(st.integers(0, 12))
            text = text[:start] + draw(st.sampled_from(PARTS)) + text[end:]
    return text


@st.composite
def grafted(draw: st.DrawFn) -> str:
    """The exercise with one value, anywhere, that is another tree."""
    root = current = yaml.safe_load(EXERCISE)
    while True:
        keys = list(current) if isinstance(current, dict) else list(range(len(current)))
        key = draw(st.sampled_from(keys))
        below = current[key]
        if not isinstance(below, dict | list) or not below or draw(st.booleans()):
            current[key] = draw(TREES)
            text: str = yaml.safe_dump(root)
            return text
        current = below


@FUZZ
@given(mutated() | grafted() | st.text(max_size=60))
def test_whatever_it_is_it_loads_or_has_mistakes_with_their_place(text: str) -> None:
    try:
        load(text.encode("utf-8", "replace").decode())
    except InputError as error:
        for each in error.each():
            assert each.where
            assert "\n" not in str(each)
            assert len(str(each)) < 900
