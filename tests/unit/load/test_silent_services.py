"""A line of `served:` must be one that a service of the scenario can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.errors import InputError
from labctl.load.bundled import bundled_compose
from labctl.load.scenario import load_scenario
from tests.unit.load.texts import mistakes

SCENARIO = """name: own
title: t
layer: smtp
story: s
services: [mail, closed]
target: {host: mail.lab, port: 25}
attempts:
  socket:
    client: pass
    expect:
      returns: ...
      served:
        - mail connect
        - LINE
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.yaml"


def load(file: Path, line: str) -> None:
    file.write_text(SCENARIO.replace("LINE", line), "utf-8")
    load_scenario(file, builtin_compose=bundled_compose())


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "mial connect",
            'no service of the scenario is called "mial"; did you mean "mail"?',
            "it has: dns, mail, closed",
        ),
        (
            "filtered connect",
            'no service of the scenario is called "filtered"',
            "it has: dns, mail, closed",
        ),
        (
            "mail conect",
            'mail never says "conect"; did you mean "connect"?',
            "it says: connect, ehlo, helo, message, disconnect",
        ),
        ("closed connect", 'closed never says "connect"', "it says nothing of its clients"),
        (
            "mail message form=ada@lab.test",
            'mail says no "form" with message; did you mean "from"?',
            "keys that it says: from, to, size",
        ),
        ("mail connect to=a", 'mail says no "to" with connect', "keys that it says: none"),
    ],
)
def test_what_nobody_can_say_is_an_error(file: Path, line: str, message: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        load(file, line)
    assert str(caught.value) == f"{file}:14: attempts.socket.expect.served[1]: {message}"
    assert caught.value.hint == hint


def test_the_name_server_is_always_there(file: Path) -> None:
    load(file, "dns query name=mail.lab type=A code=NOERROR")


def test_nobody_knows_what_other_services_say(file: Path) -> None:
    Path("lab.yaml").write_text("services: {mail: {image: mine, x-events: {}}}", "utf-8")
    load_compose = SCENARIO.replace("services: [mail, closed]", "services: [mail]\ncompose: FILE")
    file = Path("own.yaml")
    file.write_text(load_compose.replace("FILE", "./lab.yaml").replace("LINE", "mail any x=1"))
    load_scenario(file, builtin_compose=bundled_compose())


def test_a_compose_file_of_ones_own_can_declare_what_services_say(file: Path) -> None:
    declared = "{mail: {image: labctl/lab, x-labctl-events: {connect: [], bye: [at]}}}"
    Path("lab.yaml").write_text(f"services: {declared}", "utf-8")
    text = SCENARIO.replace("services: [mail, closed]", "services: [mail]\ncompose: ./lab.yaml")
    Path("own.yaml").write_text(text.replace("LINE", "mail by at=1"), "utf-8")
    file = Path("own.yaml")
    assert mistakes(lambda: load_scenario(file, builtin_compose=bundled_compose())) == [
        'own.yaml:15: attempts.socket.expect.served[1]: mail never says "by"; did you mean "bye"?'
    ]
