"""Tracebacks read: those that CPython makes, and what people paste."""

from __future__ import annotations

import json
import socket
import traceback
import urllib.request
from collections.abc import Callable

import pytest

from labctl.explain.parse import parse
from labctl.explain.places import module_of
from labctl.explain.raised import Frame, Raised

REFUSED = """\
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    smtplib.SMTP("closed.lab", 2525)
  File "/usr/lib/python3.13/smtplib.py", line 255, in __init__
    (code, msg) = self.connect(host, port)
                  ~~~~~~~~~~~~^^^^^^^^^^^^
  File "/usr/lib/python3.13/socket.py", line 864, in create_connection
    raise exceptions[0]
  File "/usr/lib/python3.13/socket.py", line 849, in create_connection
    sock.connect(sa)
    ~~~~~~~~~~~~^^^^
ConnectionRefusedError: [Errno 111] Connection refused
"""
EXPECTED = Raised(
    type="ConnectionRefusedError",
    message="[Errno 111] Connection refused",
    frames=(Frame("smtplib", "__init__"), Frame("socket", "create_connection")),
)


def formatted(action: Callable[[], object]) -> str:
    """What Python prints of the exception that this raises."""
    try:
        action()
    except Exception as error:  # noqa: BLE001
        return "".join(traceback.format_exception(error))
    raise AssertionError("nothing was raised")


def one(text: str) -> Raised:
    found = parse(text)
    assert len(found) == 1
    return found[0]


def each_line(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(f"{change(line)}\n" for line in text.splitlines())


PASTED: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in a log": lambda text: f"INFO: up\n{text}INFO: OSError is near\nERROR: bye: 1\n",
    "of a container": each_line(lambda line: f"app-1  | {line}"),
    "with times": each_line(lambda line: f"2026-01-02T03:04:05.678Z {line}"),
    "quoted": each_line(lambda line: f"> {line}"),
    "indented": each_line(lambda line: f"        {line}"),
    "with no indentation": each_line(str.strip),
    "with Windows' line ends": lambda text: text.replace("\n", "\r\n"),
    "without its head": lambda text: text.partition("\n")[2],
    "cut inside": lambda text: text[text.index('  File "/usr') :],
    "in colours": lambda text: text.replace("Connect", "\x1b[1;35mConnect\x1b[0m", 1).replace(
        '"/usr', '"\x1b[35m/usr'
    ),
    "in JSON": lambda text: json.dumps({"level": "error", "exc_info": text}),
    "on Windows": lambda text: text.replace(
        "/usr/lib/python3.13/", "C:\\Program Files\\Python313\\Lib\\"
    ),
    "after another line of the log": lambda text: text.replace(
        "Traceback", "ERROR:app:it failed: Traceback", 1
    ),
}


@pytest.mark.parametrize("how", PASTED)
def test_a_traceback_however_it_was_pasted(how: str) -> None:
    assert one(PASTED[how](REFUSED)) == EXPECTED


def test_one_of_python_with_its_context() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        text = formatted(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/"))
    found = one(text)
    assert (found.type, found.cause) == ("urllib.error.URLError", None)
    assert found.frames
    assert found.frames[0] == Frame("urllib.request", "urlopen")
    assert found.frames[-1] == Frame("urllib.request", "do_open")
    assert found.context
    assert found.context.type == "ConnectionRefusedError"
    assert found.context.frames
    assert found.context.frames[-1] == Frame("socket", "create_connection")


def test_a_cause() -> None:
    def raises() -> None:
        try:
            json.loads("?")
        except ValueError as error:
            raise OSError("wrapped") from error

    found = one(formatted(raises))
    assert (found.type, found.message, found.context) == ("OSError", "wrapped", None)
    assert found.cause
    assert found.cause.type == "json.decoder.JSONDecodeError"


def test_groups() -> None:
    """With members that were raised and that were not, in a group of their own, and with causes."""

    def member() -> Exception:
        try:
            json.loads("?")
        except ValueError as error:
            try:
                raise TimeoutError("slow") from error  # noqa: TRY301
            except TimeoutError as wrapped:
                return wrapped
        raise AssertionError

    def raises() -> None:
        inner = ExceptionGroup("inner", [ConnectionResetError(104, "reset")])
        raise ExceptionGroup("outer", [member(), EOFError(), inner, ValueError("last")])

    for text in (formatted(raises), PASTED["of a container"](formatted(raises))):
        found = one(text)
        assert (found.type, found.message) == ("ExceptionGroup", "outer (4 sub-exceptions)")
        slow, end, inner, last = found.group
        assert (slow.type, slow.cause and slow.cause.type) == (
            "TimeoutError",
            "json.decoder.JSONDecodeError",
        )
        assert (end.type, end.frames) == ("EOFError", None)
        assert [each.message for each in inner.group] == ["[Errno 104] reset"]
        assert last.message == "last"


def test_a_group_with_a_cause() -> None:
    def raises() -> None:
        try:
            raise OSError(101, "away")  # noqa: TRY301
        except OSError as error:
            raise ExceptionGroup("all", [ValueError("one")]) from error

    found = one(formatted(raises))
    assert found.cause
    assert found.cause.message == "[Errno 101] away"
    assert [each.type for each in found.group] == ["ValueError"]


def test_several() -> None:
    found = parse(f"{REFUSED}\nINFO: once more\n{REFUSED.replace('111', '104')}")
    assert [each.message for each in found] == [
        "[Errno 111] Connection refused",
        "[Errno 104] Connection refused",
    ]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("socket.timeout: timed out", "socket.timeout", "timed out"),
        ("EOFError", "EOFError", ""),
        ("ERROR:app:OSError: [Errno 113] No route", "OSError", "[Errno 113] No route"),
        ("got ConnectionResetError(104, 'reset')", "ConnectionResetError", "(104, 'reset')"),
        (
            "requests.exceptions.ConnectionError: ('x', EOFError())",
            "requests.exceptions.ConnectionError",
            "('x', EOFError())",
        ),
    ],
)
def test_a_line_alone(text: str, name: str, message: str) -> None:
    assert one(f"INFO: up\n{text}\n") == Raised(type=name, message=message)


@pytest.mark.parametrize("text", ["", "INFO: all is well", "a: b\nfoo.py: 12", "\0" * 10])
def test_no_traceback(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize("text", ["(" * 60_000, 'File "' * 60_000, "a." * 60_000, " | " * 60_000])
def test_odd_texts_take_no_time(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/usr/lib/python3.13/http/client.py", "http.client"),
        ("/usr/local/lib/python3.13t/asyncio/__init__.py", "asyncio"),
        ("/root/.local/share/uv/python/cpython-3.12/lib/python3.12/ssl.py", "ssl"),
        ("C:\\Python39\\lib\\http\\client.py", "http.client"),
        ("/app/.venv/lib/python3.12/site-packages/requests/adapters.py", "requests.adapters"),
        ("C:\\venv\\Lib\\site-packages\\urllib3\\util\\ssl_.py", "urllib3.util.ssl_"),
        ("/usr/lib/python3/dist-packages/urllib3/__init__.py", "urllib3"),
        ("http\\client.py", "http.client"),
        ("<frozen importlib._bootstrap>", "importlib._bootstrap"),
        ("/usr/lib/python313.zip/socket.py", "socket"),
        ("/app/lib/helper.py", None),
        ("/home/ada/client.py", None),
        ("main.py", None),
        ("<stdin>", None),
        ("<string>", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_module_of_a_path(path: str, module: str | None) -> None:
    assert module_of(path) == module
