"""Every wrong file is one message for each mistake and exit code 3, and no engine is asked."""

# ruff: noqa: E501 a mistake and its message are one row of a table

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.bundled import bundled_compose, bundled_folder
from tests.unit.cli.conftest import Done, Labctl, Listener
from tests.unit.load.exercises import EXERCISE
from tests.unit.load.texts import COMPOSE, SCENARIO, changed, write

CLIENT = "client: |\n      import socket"
EXPECT = "expect: {raises: ConnectionRefusedError}"
IN_EXPECT = "mine.yaml:11: attempts.socket.expect"
KEYS = "keys that can stand here: name, title, layer, tags, story, services, compose, exclusive, target, attempts"
LAYERS = '"dns", "tcp", "udp", "tls", "smtp", "http", "ftp", "imap", "pop3" or "other"'
QUOTES = 'if you mean the text, put it in quotes: "{}"; if not, write {}'
OWN_FILE = "name a file in the scenario's own folder, like ./client.py"


@pytest.fixture(params=["run", "validate", "show"])
def verb(request: pytest.FixtureRequest) -> str:
    """The verbs that read the files they are given."""
    return str(request.param)


def told(done: Done, engine: Listener) -> list[str]:
    """The lines on stderr; nothing else was done."""
    assert done.code == 3, done
    assert done.out == ""
    assert not engine.was_asked
    return done.err.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("layer: tcp", "layer: [tcp", "mine.yaml:3: is not YAML: a [ stands here that is not closed, or a comma is missing", ""),
        ("title: Nothing", "title: Nothing: it", "mine.yaml:2: is not YAML: a colon where no key can stand", ""),
        ("layer: tcp", "layer: tcp\nxyzzy: 1", 'mine.yaml:4: unknown key "xyzzy"', KEYS),
        ("title: N", "titel: N", 'mine.yaml:2: unknown key "titel"; did you mean "title"?', KEYS),
        ("layer: tcp", "layer: tcp\nlayer: udp", 'mine.yaml:4: the key "layer" is here twice; the first is in line 3', ""),
        ("layer: tcp", "layer: &a tcp", "mine.yaml:3: anchors (&a) are not allowed", "remove it"),
        ("layer: tcp", "layer: *a", "mine.yaml:3: aliases (*name) are not allowed", "write the value out here"),
        ("layer: tcp", "layer: 4", f"mine.yaml:3: layer: must be {LAYERS}, not a whole number (4)", ""),
        ("port: 2525", 'port: "25"', 'mine.yaml:6: target.port: must be a whole number, not "25"', ""),
        ("[closed]", "closed", 'mine.yaml:5: services: must be a list, not "closed"', ""),
        ("title: Nothing listens", "title: no", "mine.yaml:2: no without quotes is the boolean false in YAML", QUOTES.format("no", "false")),
        ("title: Nothing listens", "title: on", "mine.yaml:2: on without quotes is the boolean true in YAML", QUOTES.format("on", "true")),
        ("title: Nothing listens", "title: 12:30", "mine.yaml:2: 12:30 without quotes is a number in base 60 in YAML", QUOTES.format("12:30", "it in plain digits")),
        ("layer: tcp", f"layer: {'[' * 20_000}", "mine.yaml:3: is nested more than 32 levels deep", ""),
        ("[closed]", "[clsed]", 'mine.yaml:5: services[0]: no service is called "clsed"; did you mean "closed"?', "COMPOSE has: SERVICES"),
        (EXPECT, "expect: {raises: ConectionRefusedError}", f"{IN_EXPECT}.raises: no exception is called ConectionRefusedError; did you mean ConnectionRefusedError?", ""),
        (EXPECT, "expect: {raises: OSError, stack: [smtplib.SMTP]}", f"{IN_EXPECT}.stack[0]: a stack frame is module:qualname or ..., not 'smtplib.SMTP'", ""),
        (EXPECT, "expect: {raises: OSError, python: '=>3.11'}", f"{IN_EXPECT}.python: '=>3.11' is no PEP 440 specifier; one looks like >=3.11 or ==3.9.*", ""),
        (CLIENT, "client: {file: ../my.py}", "mine.yaml:9: attempts.socket.client.file: ../my.py is outside of the scenario's folder", OWN_FILE),
        (CLIENT, "client: {file: /etc/passwd}", "mine.yaml:9: attempts.socket.client.file: must be a relative path, not /etc/passwd", OWN_FILE),
        ("[closed]", "[closed]\ncompose: ../lab.yaml", "mine.yaml:6: compose: ../lab.yaml is outside of the scenario's folder", OWN_FILE),
    ],
)  # fmt: skip
def test_a_mistake_in_a_scenario(
    labctl: Labctl, engine: Listener, verb: str, old: str, new: str, message: str, hint: str
) -> None:
    write("../my.py", "import socket")
    write("../lab.yaml", COMPOSE)
    write("mine.yaml", changed(SCENARIO, old, new))
    hint = hint.replace("COMPOSE", str(bundled_compose()))
    first, *rest = told(labctl(verb, "mine.yaml"), engine)
    assert first == f"labctl: {message}"
    if "SERVICES" in hint:
        assert rest[0].startswith(f"  hint: {hint.removesuffix('SERVICES')}dns, ")
        assert len(rest) == 1
    else:
        assert rest == ([f"  hint: {hint}"] if hint else [])


def test_every_mistake_is_a_message_of_its_own(labctl: Labctl, engine: Listener, verb: str) -> None:
    text = changed(changed(SCENARIO, "title:", "titel:"), "layer: tcp", "layer: 1")
    write("mine.yaml", text)
    assert told(labctl(verb, "mine.yaml"), engine) == [
        'labctl: mine.yaml:2: unknown key "titel"; did you mean "title"?',
        f"  hint: {KEYS}",
        f"labctl: mine.yaml:3: layer: must be {LAYERS}, not a whole number (1)",
    ]


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"title: \xff\n", "mine.yaml:1: is not UTF-8: byte 0xff at offset 7", "save the file as UTF-8"),
        (b"", "mine.yaml: is empty", ""),
        (b"- a\n", "mine.yaml:1: must be a mapping (lines like `key: value`), not a list", ""),
    ],
)  # fmt: skip
def test_a_file_that_is_no_scenario(
    labctl: Labctl, engine: Listener, verb: str, data: bytes, message: str, hint: str
) -> None:
    write("mine.yaml", data)
    expected = [f"labctl: {message}", *([f"  hint: {hint}"] if hint else [])]
    assert told(labctl(verb, "mine.yaml"), engine) == expected


def test_a_file_of_100_megabytes(labctl: Labctl, engine: Listener, verb: str) -> None:
    with Path("mine.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert told(labctl(verb, "mine.yaml"), engine) == [
        "labctl: mine.yaml: is larger than the 1 MiB that are allowed"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.yaml", "none.yaml: there is no such file"),
        ("./", ".: this is a directory, not a file"),
        (f"{'x' * 300}.yaml", f"{'x' * 300}.yaml: can't be read: File name too long"),
    ],
)
def test_a_file_that_cannot_be_read(
    labctl: Labctl, engine: Listener, verb: str, name: str, message: str
) -> None:
    assert told(labctl(verb, name), engine) == [f"labctl: {message}"]


@pytest.mark.parametrize(
    ("body", "key", "why"),
    [
        ("volumes: ['/:/host']", "volumes", "labs mount nothing of the host and keep nothing; put the files into the image"),
        ("privileged: true", "privileged", "nothing in a lab may have the host's rights; name what it needs in `cap_add`"),
        ("network_mode: host", "network_mode", "services are on the lab's network alone; name it under `networks`"),
        ("pid: host", "pid", "services share no namespaces with the host or one another"),
    ],
)  # fmt: skip
def test_a_compose_file_that_asks_for_the_host(
    labctl: Labctl, engine: Listener, verb: str, body: str, key: str, why: str
) -> None:
    write("lab.yaml", f"services:\n  closed:\n    image: nginx\n    {body}\n")
    write("mine.yaml", changed(SCENARIO, "services:", "compose: ./lab.yaml\nservices:"))
    assert told(labctl(verb, "mine.yaml"), engine) == [
        f'labctl: lab.yaml:4: services.closed: "{key}" can\'t be used in a lab: {why}',
        f"  hint: remove `{key}`",
    ]


def test_a_name_that_two_folders_have(labctl: Labctl, engine: Listener) -> None:
    write("a/mine.yaml", SCENARIO)
    write("b/tcp/mine.yaml", SCENARIO)
    folders = ("--scenarios", "a", "--scenarios", "b")
    for args in (("list",), ("run", "mine"), ("run", "--all"), ("run",), ("show", "mine")):
        assert told(labctl(*args, *folders), engine) == [
            'labctl: b/tcp/mine.yaml: there is a scenario called "mine" in a/mine.yaml too',
            "  hint: rename one of the two",
        ]


def test_a_folder_with_a_file_of_another_name(labctl: Labctl, engine: Listener) -> None:
    write("a/other.yaml", SCENARIO)
    assert told(labctl("run", "--scenarios", "a"), engine) == [
        'labctl: a/other.yaml: name: must be "other", as the file is called, not "mine"',
        "  hint: rename the file to mine.yaml, or change `name`",
    ]


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (None, "my.py: there is no such file", ""),
        (b"a\nb\xff", "my.py:2: is not UTF-8: byte 0xff at offset 3", "save the file as UTF-8"),
        (b"#" * (256 * 1024 + 1), "my.py: is larger than the 256 KiB that are allowed", ""),
    ],
)  # fmt: skip
def test_a_client_that_cannot_be_read(
    labctl: Labctl, engine: Listener, data: bytes | None, message: str, hint: str
) -> None:
    if data is not None:
        write("my.py", data)
    expected = [f"labctl: {message}", *([f"  hint: {hint}"] if hint else [])]
    assert told(labctl("run", "refused-port", "--client", "my.py"), engine) == expected


def test_a_client_that_is_a_folder(labctl: Labctl, engine: Listener, folder: Path) -> None:
    assert told(labctl("run", "refused-port", "--client", folder), engine) == [
        f"labctl: {folder}: this is a directory, not a file"
    ]


def test_validate_tells_of_every_file(labctl: Labctl, engine: Listener) -> None:
    write("good.yaml", SCENARIO)
    write("titel.yaml", changed(SCENARIO, "title:", "titel:"))
    write("layer.yaml", changed(SCENARIO, "layer: tcp", "layer: 1"))
    done = labctl("validate", "titel.yaml", "good.yaml", "none.yaml", "layer.yaml", "refused-port")
    assert done.code == 3
    assert done.out == "good.yaml: ok\nrefused-port: ok\n"
    assert done.err.splitlines() == [
        'labctl: titel.yaml:2: unknown key "titel"; did you mean "title"?',
        f"  hint: {KEYS}",
        "labctl: none.yaml: there is no such file",
        f"labctl: layer.yaml:3: layer: must be {LAYERS}, not a whole number (1)",
    ]
    assert not engine.was_asked


@pytest.mark.parametrize("name", ["compose.yaml", "servers.yaml"])
def test_validate_checks_a_compose_file_beside_scenarios(
    labctl: Labctl, engine: Listener, name: str
) -> None:
    write("mine.yaml", changed(SCENARIO, "services:", f"compose: ./{name}\nservices:"))
    write(name, COMPOSE)
    done = labctl("validate", *sorted(("mine.yaml", name)))
    assert (done.code, done.err) == (0, "")
    assert set(done.out.splitlines()) == {f"{name}: ok, a Compose file", "mine.yaml: ok"}
    assert not engine.was_asked


def test_validate_tells_what_is_wrong_in_a_compose_file(labctl: Labctl, engine: Listener) -> None:
    write("servers.yaml", "services:\n  closed:\n    image: nginx\n    pid: host\n")
    assert told(labctl("validate", "servers.yaml"), engine) == [
        (
            'labctl: servers.yaml:4: services.closed: "pid" can\'t be used in a lab: services share no'
            " namespaces with the host or one another"
        ),
        "  hint: remove `pid`",
    ]
    write("compose.yaml", "servces:\n  closed: {image: nginx}\n")
    assert told(labctl("validate", "compose.yaml"), engine)[0] == (
        'labctl: compose.yaml:1: unknown key "servces"; did you mean "services"?'
    )


def test_validate_checks_exercises_and_policies(labctl: Labctl, engine: Listener) -> None:
    write("mine/exercise.yaml", EXERCISE)
    write("policy.yaml", "skip: [refused-port]\nlayers: {dns: {returns: false}}\n")
    done = labctl("validate", "mine/exercise.yaml", "policy.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out == "mine/exercise.yaml: ok, an exercise\npolicy.yaml: ok, a policy\n"
    write("mine/exercise.yaml", changed(EXERCISE, "level: 2", "levle: 2"))
    write("policy.yaml", "skip: [refused-prt]\n")
    lines = told(labctl("validate", "mine/exercise.yaml", "policy.yaml"), engine)
    assert [line for line in lines if line.startswith("labctl: ")] == [
        'labctl: mine/exercise.yaml:4: unknown key "levle"; did you mean "level"?',
        (
            'labctl: policy.yaml:1: skip[0]: no scenario is called "refused-prt"; did you mean'
            ' "refused-port"?'
        ),
    ]


@pytest.mark.parametrize("verb", ["run", "show", "record"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (COMPOSE, "a Compose file"),
        (EXERCISE, "an exercise"),
        ("skip: [refused-port]\n", "a policy"),
    ],
)
def test_a_file_of_another_kind_in_place_of_a_scenario(
    labctl: Labctl, engine: Listener, verb: str, text: str, kind: str
) -> None:
    write("other.yaml", text)
    message, hint = told(labctl(verb, "other.yaml"), engine)
    assert message == f"labctl: other.yaml: is {kind}, not a scenario"
    assert hint.startswith("  hint: ")


def test_validate_without_files_checks_all_in_the_folders(labctl: Labctl, engine: Listener) -> None:
    write("a/titel.yaml", changed(SCENARIO.replace("mine", "titel"), "title:", "titel:"))
    write("a/deeper/mine.yaml", SCENARIO)
    write("a/deeper/lab.yaml", COMPOSE)
    write("b/broken.yml", "{")
    write("b/named-otherwise.yaml", SCENARIO)
    done = labctl("validate", "--scenarios", "a", "--scenarios", "b")
    assert (done.code, done.out) == (3, "a/deeper/mine.yaml: ok\n")
    assert [line for line in done.err.splitlines() if line.startswith("labctl: ")] == [
        "labctl: b/broken.yml:2: is not YAML: a value is missing",
        'labctl: b/named-otherwise.yaml: name: must be "named-otherwise", as the file is called, not "mine"',
        'labctl: a/titel.yaml:2: unknown key "titel"; did you mean "title"?',
    ]
    assert not engine.was_asked


def test_validate_without_anything_checks_the_bundled_scenarios(labctl: Labctl) -> None:
    done = labctl("validate")
    assert (done.code, done.err) == (0, "")
    checked = {line.removesuffix(": ok") for line in done.out.splitlines()}
    assert checked == {str(path) for path in bundled_folder("scenarios").rglob("*.yaml")}


def test_validate_of_a_folder_without_scenarios(labctl: Labctl) -> None:
    Path("none").mkdir()
    done = labctl("validate", "--scenarios", "none")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("labctl: there is no scenario in none\n")


@pytest.mark.parametrize("tag", [(), ("--tag", "own"), ("--tag", "none-has-it")])
def test_list_tells_of_a_wrong_file_and_lists_the_others(
    labctl: Labctl, engine: Listener, tag: tuple[str, ...]
) -> None:
    write("a/mine.yaml", changed(SCENARIO, "layer: tcp", "layer: tcp\ntags: [own]"))
    write("a/titel.yaml", changed(SCENARIO.replace("mine", "titel"), "title:", "titel:"))
    done = labctl("list", "--scenarios", "a", *tag)
    assert done.code == 3
    assert done.err.splitlines() == [
        'labctl: a/titel.yaml:2: unknown key "titel"; did you mean "title"?',
        f"  hint: {KEYS}",
    ]
    assert ("Nothing listens\n" in done.out) == (tag != ("--tag", "none-has-it"))
    assert ("refused-port" in done.out) == (not tag)
    assert not engine.was_asked


def test_a_wrong_compose_file_is_told_once(labctl: Labctl) -> None:
    write("a/lab.yaml", "services: {closed: {image: x, pid: host}}")
    for name in ("one", "two"):
        text = SCENARIO.replace("mine", name)
        write(f"a/{name}.yaml", changed(text, "services:", "compose: ./lab.yaml\nservices:"))
    for verb in ("validate", "list"):
        done = labctl(verb, "--scenarios", "a")
        assert (done.code, done.err.count("labctl: ")) == (3, 1)
