"""Every mistake in a scenario is one message with file, line, key and what was meant."""

# ruff: noqa: E501 a mistake and its message are one row of a table

from __future__ import annotations

import pytest

from labctl.load.scenario import load_scenario
from labctl.model.flows import OUTCOMES
from labctl.model.libraries import third_party_libraries
from tests.unit.load.texts import LAB, SCENARIO, changed, hint, mistakes, write

TARGET = "target: {host: closed.lab, port: 2525}"
EXPECT = "expect: {raises: ConnectionRefusedError}"
LIBRARIES = " or ".join(
    [
        ", ".join(f'"{name}"' for name in third_party_libraries()[:-1]),
        f'"{third_party_libraries()[-1]}"',
    ]
)
KEY, LONG = "k" * 1000, "9" * 5000
CLIENT = "client: |\n      import socket"
LAYERS = '"dns", "tcp", "udp", "tls", "smtp", "http", "ftp", "imap", "pop3" or "other"'
KEYS = "name, title, layer, tags, story, services, compose, exclusive, target, attempts"
A_NAME = "must be a name of at most 63 small letters, digits, dots, dashes and underscores"
SOCKET = "attempts.socket"


def load(text: str) -> list[str]:
    path = write("mine.yaml", text)
    return mistakes(lambda: load_scenario(path, builtin_compose=LAB))


def test_the_text_that_these_tests_change_is_right() -> None:
    assert load_scenario(write("mine.yaml", SCENARIO), builtin_compose=LAB).name == "mine"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Nothing listens\n", "", '1: the key "title" is missing'),
        ("title: Nothing", "titel: Nothing", '2: unknown key "titel"; did you mean "title"?'),
        ("services: ", "servces: ", '5: unknown key "servces"; did you mean "services"?'),
        ("services: ", "xyzzy: ", '5: unknown key "xyzzy"'),
        (
            "port: 2525",
            "port: 2525, prot: tcp",
            '6: target: unknown key "prot"; did you mean "port"?',
        ),
        (TARGET, "target: {host: closed.lab}", '6: target: the key "port" is missing'),
        (TARGET, "target: {host: a, prt: 1}", '6: target: unknown key "prt"; did you mean "port"?'),
        (TARGET, "target:\n  host: a", '6: target: the key "port" is missing'),
        (TARGET, "target: closed.lab", '6: target: must be a mapping, not "closed.lab"'),
        ("port: 2525", 'port: "2525"', '6: target.port: must be a whole number, not "2525"'),
        ("port: 2525", "port: 25.0", "6: target.port: must be a whole number, not a number (25.0)"),
        ("port: 2525", "port: -1", "6: target.port: must be at least 0, not -1"),
        (
            "port: 2525",
            "port: true",
            "6: target.port: must be a whole number, not a boolean (true)",
        ),
        ("name: mine", "name: My One", f'1: name: {A_NAME}, not "My One"'),
        ("name: mine", "name: 750", "1: name: must be text, not a whole number (750)"),
        ("name: mine", "name:", "1: name: has no value: must be text"),
        ("title: Nothing listens", 'title: " "', "2: title: must not be blank"),
        ("title: Nothing listens", "title: [a]", "2: title: must be text, not a list"),
        ("title: Nothing listens", "title: {a: b}", "2: title: must be text, not a mapping"),
        ("layer: tcp", "layer: tpc", f'3: layer: must be {LAYERS}, not "tpc"; did you mean "tcp"?'),
        ("layer: tcp", "layer: ethernet", f'3: layer: must be {LAYERS}, not "ethernet"'),
        ("layer: tcp", "layer: 4", f"3: layer: must be {LAYERS}, not a whole number (4)"),
        ("[closed]", "closed", '5: services: must be a list, not "closed"'),
        ("[closed]", "", "5: services: has no value: must be a list"),
        ("[closed]", "[closed, 3]", "5: services[1]: must be text, not a whole number (3)"),
        (
            "[closed]",
            "[clsoed]",
            '5: services[0]: no service is called "clsoed"; did you mean "closed"?',
        ),
        ("[closed]", "[closed, web]", '5: services[1]: no service is called "web"'),
        (
            "[closed]",
            "[closed]\nexclusive: 1",
            "6: exclusive: must be true or false, not a whole number (1)",
        ),
        ("[closed]", "[closed]\ntags: [core, A B]", f'6: tags[1]: {A_NAME}, not "A B"'),
        (
            CLIENT,
            "client: 750",
            f"9: {SOCKET}.client: must be text or a mapping, not a whole number (750)",
        ),
        (
            CLIENT,
            f"{CLIENT}\n    requires: [reqests]",
            f'11: {SOCKET}.requires[0]: must be {LIBRARIES}, not "reqests"; did you mean "requests"?',
        ),
        (
            CLIENT,
            f"{CLIENT}\n    requires: [httpx, httpx]",
            f"11: {SOCKET}.requires: names httpx twice",
        ),
        (CLIENT, f"{CLIENT}\n    requires: []", f"11: {SOCKET}.requires: must not be empty"),
        (CLIENT, "client: [x]", f"9: {SOCKET}.client: must be text or a mapping, not a list"),
        (CLIENT, "client:", f"9: {SOCKET}.client: has no value: must be text or a mapping"),
        (CLIENT, 'client: ""', f"9: {SOCKET}.client: must not be blank"),
        (
            CLIENT,
            "client: {flie: x.py}",
            f'9: {SOCKET}.client: unknown key "flie"; did you mean "file"?',
        ),
        (CLIENT, "client: {}", f'9: {SOCKET}.client: the key "file" is missing'),
        (
            CLIENT,
            "client: {file: 3}",
            f"9: {SOCKET}.client.file: must be text, not a whole number (3)",
        ),
        ("socket:", "Bad Name:", f'8: attempts.Bad Name: {A_NAME}, not "Bad Name"'),
        (EXPECT, "expct: {}", f'11: {SOCKET}: unknown key "expct"; did you mean "expect"?'),
        (EXPECT, "expect: []", f"11: {SOCKET}.expect: is empty"),
        (EXPECT, "expect: {}", f"11: {SOCKET}.expect: is empty"),
        (
            EXPECT,
            "expect: [{}]",
            f"11: {SOCKET}.expect[0]: needs exactly one of: raises, isa, returns",
        ),
        (EXPECT, "expect:", f"11: {SOCKET}.expect: is empty"),
        (
            EXPECT,
            "expect: refused",
            f'11: {SOCKET}.expect: must be a mapping or a list, not "refused"',
        ),
        (EXPECT, "expect: [refused]", f'11: {SOCKET}.expect[0]: must be a mapping, not "refused"'),
    ],
)
def test_one_mistake_is_one_message(old: str, new: str, message: str) -> None:
    assert load(changed(SCENARIO, old, new)) == [f"mine.yaml:{message}"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{raises: ConectionRefusedError}", ".raises: no exception is called ConectionRefusedError; did you mean ConnectionRefusedError?"),
        ("{raises: smtplib.SMTPDatError}", ".raises: no exception is called smtplib.SMTPDatError; did you mean smtplib.SMTPDataError?"),
        ("{raises: socket.error}", ".raises: no exception is called socket.error; did you mean OSError?"),
        ("{isa: json.JSONDecodeError}", ".isa: no exception is called json.JSONDecodeError; did you mean json.decoder.JSONDecodeError?"),
        ("{raises: builtins.OSError}", ".raises: no exception is called builtins.OSError; did you mean OSError?"),
        ("{raises: not a name}", ".raises: an exception's name is like OSError or module.Name, not 'not a name'"),
        ("{raises: 3}", ".raises: must be text, not a whole number (3)"),
        ('{raises: OSError, returns: "1"}', ": needs exactly one of: raises, isa, returns"),
        ('{returns: "1", attrs: {errno: 1}}', ": attrs goes with raises or isa, not with returns"),
        ("{returns: 1}", ".returns: must be text, not a whole number (1)"),
        ("{retruns: x, raises: OSError}", ': unknown key "retruns"; did you mean "returns"?'),
        ("{raises: OSError, attrs: {errno: [1]}}", ".attrs.errno: must be a whole number, a number, true or false or text, not a list"),
        ("{raises: OSError, stack: [smtplib]}", ".stack[0]: a stack frame is module:qualname or ..., not 'smtplib'"),
        ("{raises: OSError, stack: ['...', 'a:b', 'x.py:3 f']}", ".stack[2]: a stack frame is module:qualname or ..., not 'x.py:3 f'"),
        ("{raises: OSError, python: '=>3.11'}", ".python: '=>3.11' is no PEP 440 specifier; one looks like >=3.11 or ==3.9.*"),
        ("{raises: OSError, python: 3.10}", ".python: must be text, not a number (3.10)"),
        ("{raises: OSError, wire: noting}", '.wire: must be a list or "nothing", not "noting"; did you mean "nothing"?'),
        ("{raises: OSError, wire: 3}", '.wire: must be a list or "nothing", not a whole number (3)'),
        ("{raises: OSError, wire: [tcp a:1 refsed]}", f".wire[0]: a tcp flow ends with {', '.join(OUTCOMES['tcp'])}, not 'refsed'"),
        ("{raises: OSError, wire: ['tcp a:65536 refused']}", ".wire[0]: a port on the wire is at most 65535, not 65536"),
        (f"{{raises: OSError, wire: ['udp a:{'9' * 5000} answered']}}", f".wire[0]: a port on the wire is at most 65535, not {'9' * 60}..."),
        ("{raises: OSError, wire: [icmp a]}", f".wire[0]: a flow starts with {', '.join(OUTCOMES)}, not 'icmp'"),
        ("{raises: OSError, elapsed: {max: 2}}", ".elapsed.max: a duration is a number with a unit, like 500ms or 2s, not 2"),
        ("{raises: OSError, elapsed: {maks: 2s}}", '.elapsed: unknown key "maks"'),
        ("{raises: OSError, cause: {raises: TimeoutErro}}", ".cause.raises: no exception is called TimeoutErro; did you mean TimeoutError?"),
        ("{raises: OSError, cause: {rases: OSError}}", '.cause: unknown key "rases"; did you mean "raises"?'),
        ("{raises: OSError, cause: {context: {context: {}}, raises: OSError}}", ".cause.context.context: needs exactly one of: raises, isa"),
        ("{raises: OSError, context: never}", '.context: must be a mapping or "none", not "never"'),
        ("{raises: ExceptionGroup, group: []}", ".group: must not be empty"),
        ("{raises: ExceptionGroup, group: [OSError]}", '.group[0]: must be a mapping, not "OSError"'),
        ("{raises: OSError, unhandled: [{raises: Nope}]}", ".unhandled[0].raises: no exception is called Nope"),
        ("{raises: OSError, served: [3]}", ".served[0]: must be text, not a whole number (3)"),
    ],
)  # fmt: skip
def test_one_mistake_in_what_is_expected_is_one_message(body: str, message: str) -> None:
    alone = changed(SCENARIO, EXPECT, f"expect: {body}")
    assert load(alone) == [f"mine.yaml:11: {SOCKET}.expect{message}"]
    listed = changed(SCENARIO, EXPECT, f"expect:\n      - {body}")
    assert load(listed) == [f"mine.yaml:12: {SOCKET}.expect[0]{message}"]


@pytest.mark.parametrize(
    ("old", "new", "start", "end"),
    [
        ("title: ", f"{KEY}: ", '2: unknown key "kkk', 'kkk"'),
        ("port: 2525", f"port: 1, {KEY}: 1", '6: target: unknown key "kkk', 'kkk"'),
        ("port: 2525", f"port: {LONG}", "6: 999", "999... without quotes is a number of more than 18 digits in YAML"),
        ("port: 2525", f"{LONG[:1000]}: 1", "6: 999", "999... without quotes is a number of more than 18 digits in YAML"),
        ("[closed]", f"[a{LONG}]", "5: services[0]: must be a name of ", '999..."'),
        (CLIENT, f"client: {{file: {KEY * 5}}}", "9: attempts.socket.client.file: there is no file kkk", "kkk"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_a_message_is_no_longer_than_people_read(
    old: str, new: str, start: str, end: str
) -> None:
    text = changed(SCENARIO, old, new)
    said = load(text)
    assert [one for one in said if one.startswith(f"mine.yaml:{start}") and one.endswith(end)]
    assert max(map(len, said)) <= 800 + len("mine.yaml:12: ")


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("services: ", "servces: ", f"keys that can stand here: {KEYS}"),
        ("{host: closed.lab, ", "{host: a, x: 1, ", "keys that can stand here: host, port"),
        (EXPECT, "expect: {raises: OSError, python: 3.10}", 'put it in quotes: "3.10"'),
        ("[closed]", "[web]", "builtin.yaml has: dns, closed, mail"),
    ],
)
def test_hints(old: str, new: str, advice: str) -> None:
    path = write("mine.yaml", changed(SCENARIO, old, new))
    assert hint(lambda: load_scenario(path, builtin_compose=LAB)) == advice


def test_several_mistakes_come_in_the_order_of_lines() -> None:
    text = changed(SCENARIO, "raises: ConnectionRefusedError", "raise: OSError")
    text = changed(text, "layer: tcp", "layer: 1")
    text = changed(text, "host: closed.lab, ", "")
    assert load(text) == [
        f"mine.yaml:3: layer: must be {LAYERS}, not a whole number (1)",
        'mine.yaml:6: target: the key "host" is missing',
        f'mine.yaml:11: {SOCKET}.expect: unknown key "raise"; did you mean "raises"?',
    ]


def test_no_more_than_twenty_mistakes_are_reported() -> None:
    text = SCENARIO + "".join(f"k{number}: 1\n" for number in range(100))
    messages = load(text)
    assert len(messages) == 20
    assert messages[0] == 'mine.yaml:12: unknown key "k0"'


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        (
            "[{raises: OSError}, {raises: OSError, python: '>=3.11'}]",
            (
                f"mine.yaml:11: {SOCKET}.expect[1]: can never count:"
                " the variant in line 11 has no `python` and matches first"
            ),
        ),
        (
            (
                "\n      - {raises: OSError, python: '>=3.11,<4'}"
                "\n      - {raises: OSError, python: '>=3.10'}"
                "\n      - {raises: TimeoutError, python: '<4, >=3.11'}"
            ),
            f"mine.yaml:14: {SOCKET}.expect[2]: has the same `python` as the variant in line 12",
        ),
    ],
)
def test_variants_that_never_count(expect: str, message: str) -> None:
    assert load(changed(SCENARIO, EXPECT, f"expect: {expect}")) == [message]


def test_what_a_scenario_names_is_told_with_all_else_that_is_wrong() -> None:
    write("lab.yaml", "services: {closed: {image: x, privileged: true}, mail: {image: x}}")
    text = changed(SCENARIO, "layer: tcp", "layer: tpc")
    text = changed(text, "[closed]", "[clsoed]")
    text = changed(text, "import socket", "pass")
    text = changed(text, "{raises: ConnectionRefusedError}", "{raises: Nope, served: [web x]}")
    text += """\
  other:
    client: {file: none.py}
    expect: [{raises: OSError}, {raises: OSError}]
"""
    told = [
        f'mine.yaml:3: layer: must be {LAYERS}, not "tpc"; did you mean "tcp"?',
        'mine.yaml:5: services[0]: no service is called "clsoed"; did you mean "closed"?',
        f"mine.yaml:11: {SOCKET}.expect.raises: no exception is called Nope",
        f'mine.yaml:11: {SOCKET}.expect.served[0]: no service of the scenario is called "web"',
        "mine.yaml:13: attempts.other.client.file: there is no file none.py",
        (
            "mine.yaml:14: attempts.other.expect[1]: can never count:"
            " the variant in line 14 has no `python` and matches first"
        ),
    ]
    assert load(text) == told
    own = load(changed(text, "services:", "compose: ./lab.yaml\nservices:"))
    assert len(own) == len(told) - 1
    assert own[-1].startswith('lab.yaml:1: services.closed: "privileged" can\'t be used in a lab')


@pytest.mark.parametrize("name", ["''", '" "', "x" * 300])
def test_a_file_that_nobody_can_have_is_one_mistake(name: str) -> None:
    assert len(load(changed(SCENARIO, CLIENT, f"client: {{file: {name}}}"))) == 1
    assert len(load(changed(SCENARIO, "services:", f"compose: {name}\nservices:"))) == 1
