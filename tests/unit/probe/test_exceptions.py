"""What is told of exceptions, on every Python."""

from __future__ import annotations

import smtplib
import urllib.error
from http import HTTPStatus
from typing import Any

import pytest

from labctl.model.result import ExceptionInfo
from labctl.probe.exceptions import DEPTH, MEMBERS, Describer, symbols
from labctl.probe.genuine import ModuleFiles
from labctl.probe.stack import StackReader
from labctl.probe.text import Budget, DeferredTexts
from tests.unit.probe.conftest import Probe


def describer(deferred: DeferredTexts) -> Describer:
    return Describer(
        deferred.budget, deferred, StackReader("<client>", deferred.budget, ModuleFiles())
    )


def describe(error: BaseException, room: int = 100_000) -> ExceptionInfo:
    """The whole description, as a model."""
    deferred = DeferredTexts(Budget(room))
    info = describer(deferred).describe(error)
    deferred.resolve()
    return ExceptionInfo.model_validate(info)


def first_report(error: BaseException) -> dict[str, Any]:
    """The description without what may run the client's code."""
    deferred = DeferredTexts(Budget(100_000))
    return describer(deferred).describe(error)


def test_os_error(probe: Probe) -> None:
    error = probe("open('/not/there')")["exception"]
    assert error["type"] == "FileNotFoundError"
    assert error["bases"] == ["FileNotFoundError", "OSError", "Exception", "BaseException"]
    assert error["attrs"] == {
        "errno": 2,
        "strerror": "No such file or directory",
        "filename": "/not/there",
    }
    assert error["symbols"] == {"errno": "ENOENT"}
    assert error["message"] == "[Errno 2] No such file or directory: '/not/there'"


def test_timeout_of_python_has_no_errno(probe: Probe) -> None:
    report = probe("""
        import socket
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            with socket.create_connection(server.getsockname(), timeout=0.01) as client:
                client.recv(1)
    """)
    error = report["exception"]
    assert error["type"] == ("TimeoutError" if probe.minor >= 10 else "socket.timeout")
    assert error["attrs"] == {"errno": None}
    assert (error["message"], error["symbols"]) == ("timed out", {})


def test_gaierror(probe: Probe) -> None:
    error = probe("import socket\nsocket.getaddrinfo('127.0.0.1', 'no-such-service')")["exception"]
    assert error["type"] == "socket.gaierror"
    assert error["symbols"] == {"errno": "EAI_SERVICE"}


def test_errors_of_ssl_lose_the_line_in_c(probe: Probe) -> None:
    report = probe("""
        import ssl
        try:
            ssl.create_default_context().load_verify_locations(cadata=b"junk")
        except ssl.SSLError as error:
            print(error)
            raise
    """)
    error = report["exception"]
    assert error["bases"][:3] == ["ssl.SSLError", "OSError", "Exception"]
    assert "(_ssl.c:" in report["stdout"]
    assert "_ssl.c" not in f"{error['message']} {error['attrs']}"
    assert error["message"].endswith(error["attrs"]["strerror"])
    assert error["attrs"]["strerror"].strip()


@pytest.mark.parametrize(
    ("bases", "number", "name"),
    [
        (["ConnectionRefusedError", "OSError"], 111, "ECONNREFUSED"),
        (["socket.gaierror", "OSError"], -2, "EAI_NONAME"),
        (["socket.herror", "OSError"], 1, "HOST_NOT_FOUND"),
        (["ssl.SSLError", "OSError"], 1, "SSL_ERROR_SSL"),
        (["__main__.Own", "Exception"], 111, None),
        (["OSError"], 98765, None),
        (["OSError"], None, None),
    ],
)
def test_errno_has_a_name_by_family(bases: list[str], number: int | None, name: str | None) -> None:

    assert symbols(bases, {"errno": number}) == ({} if name is None else {"errno": name})


def test_smtp_refusal(probe: Probe) -> None:
    error = probe("""
        import smtplib
        raise smtplib.SMTPSenderRefused(550, b"no \\xff", "a@b")
    """)["exception"]
    assert error["type"] == "smtplib.SMTPSenderRefused"
    assert error["attrs"]["smtp_code"] == 550
    assert error["attrs"]["smtp_error"] == r"b'no \xff'"
    assert error["attrs"]["sender"] == "a@b"


def test_recipients_are_a_repr() -> None:
    info = describe(smtplib.SMTPRecipientsRefused({"a@b": (550, b"no")}))
    assert info.attrs["recipients"] == "{'a@b': (550, b'no')}"


def test_http_error(probe: Probe) -> None:
    error = probe("""
        import io, urllib.error
        raise urllib.error.HTTPError("http://h/", 404, "Not Found", {}, io.BytesIO())
    """)["exception"]
    attrs = error["attrs"]
    assert (attrs["code"], attrs["reason"], attrs["msg"]) == (404, "Not Found", "Not Found")
    assert error["message"] == "HTTP Error 404: Not Found"
    assert attrs["fp"].startswith("<") or attrs["fp"] == "None"
    assert " at 0x" not in str(attrs)


def test_url_error_tells_its_reason() -> None:
    info = describe(urllib.error.URLError(ConnectionRefusedError(111, "refused")))
    assert info.attrs["reason"] == "ConnectionRefusedError(111, 'refused')"
    assert info.message == "<urlopen error [Errno 111] refused>"


def test_system_exit_s_code() -> None:
    assert describe(SystemExit(3)).attrs == {"code": 3}


def test_messages_of_built_ins_are_in_the_first_report() -> None:
    for error in (KeyError("x"), OSError(2, "no"), UnicodeError("u"), ImportError("i", name="n")):
        assert first_report(error)["message"] == str(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(object()),
        OSError(2, "no", object()),
        ValueError("x", ["list"]),
        ValueError("x" * (1 << 17)),
        ValueError(1 << 100_000),
    ],
)
def test_other_messages_are_not(error: Exception) -> None:
    assert first_report(error)["message"] is None


def test_nothing_of_the_client_s_runs_for_the_first_report() -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the client's code ran")

    class Meta(type):
        __getattribute__ = forbidden

    class Hostile(OSError, metaclass=Meta):
        __dict__ = property(forbidden)
        __str__ = __repr__ = __hash__ = __eq__ = forbidden  # type: ignore[assignment]
        __getattribute__ = forbidden
        __cause__ = __context__ = __class__ = errno = property(forbidden)

    error = Hostile(2, "no")
    BaseException.__dict__["__dict__"].__get__(error)["own"] = error
    info = first_report(error)
    assert info["type"].endswith("Hostile")
    assert info["attrs"] == {"errno": 2, "strerror": "no", "own": None}


def test_attributes_are_public_and_bounded() -> None:
    error = ValueError()
    error.__dict__.update({f"a{n}": n for n in range(40)}, _private=1)
    attrs = describe(error).attrs
    assert len(attrs) == 32
    assert "_private" not in attrs


def test_values_become_scalars() -> None:
    error = ValueError()
    values: dict[str, object] = {
        "status": HTTPStatus.NOT_FOUND,
        "big": 1 << 80,
        "nan": float("nan"),
        "real": 0.5,
        "yes": True,
        "none": None,
        "bytes": b"\0",
    }
    error.__dict__.update(values)
    assert describe(error).attrs == {
        "status": 404,
        "big": "<int of 81 bits>",
        "nan": "nan",
        "real": 0.5,
        "yes": True,
        "none": None,
        "bytes": r"b'\x00'",
    }


def test_slots_are_attributes() -> None:
    class Slotted(Exception):
        __slots__ = ("host", "unset")

    error = Slotted()
    error.host = "h"  # type: ignore[attr-defined]
    assert describe(error).attrs == {"host": "h"}


def raised(source: str) -> Exception:
    """What that source raises."""
    try:
        exec(source, {})  # noqa: S102
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing was raised")


def test_context() -> None:
    info = describe(raised("try:\n  1 / 0\nexcept ZeroDivisionError:\n  {}['x']"))
    assert info.context is not None
    assert (info.type, info.context.type, info.cause) == ("KeyError", "ZeroDivisionError", None)


def test_suppressed_context_is_not_there() -> None:
    info = describe(raised("try:\n  1 / 0\nexcept ArithmeticError:\n  raise KeyError from None"))
    assert (info.cause, info.context) == (None, None)


def test_cause_is_not_repeated_as_context() -> None:
    info = describe(raised("try:\n  1 / 0\nexcept ArithmeticError as e:\n  raise KeyError from e"))
    assert info.cause is not None
    assert (info.cause.type, info.context) == ("ZeroDivisionError", None)


def chain(length: int) -> Exception:
    last = None
    for number in range(length):
        error = ValueError(number)
        error.__context__ = last
        last = error
    assert last is not None
    return last


def test_chain_is_followed_so_far_and_the_rest_counted() -> None:
    info: ExceptionInfo | None = describe(chain(100))
    depth, omitted = 0, 0
    while info is not None:
        depth, omitted, info = depth + 1, info.omitted, info.context
    assert (depth, omitted) == (DEPTH, 100 - DEPTH)


def test_cycle_ends() -> None:
    one, two = ValueError(1), ValueError(2)
    one.__context__, two.__context__ = two, one
    info = describe(one)
    assert info.context is not None
    assert info.context.context is None
    assert (info.omitted, info.context.omitted) == (0, 0)


def test_group(probe: Probe) -> None:
    if probe.minor < 11:
        pytest.skip("groups came with 3.11")
    error = probe("raise ExceptionGroup('two', [KeyError('a'), OSError(111, 'b')])")["exception"]
    assert error["type"] == "ExceptionGroup"
    assert error["message"] == "two (2 sub-exceptions)"
    assert [member["type"] for member in error["group"]] == ["KeyError", "ConnectionRefusedError"]


def test_members_that_are_too_many_are_counted() -> None:
    info = describe(ExceptionGroup("many", [ValueError(n) for n in range(20)]))
    assert info.group is not None
    assert (len(info.group), info.omitted) == (MEMBERS, 20 - MEMBERS)


def test_tree_of_groups_is_bounded() -> None:
    error: Exception = ValueError()
    for _ in range(6):
        error = ExceptionGroup("g", [ExceptionGroup("h", [error, ValueError()]) for _ in range(10)])
    assert describe(error).model_dump_json().count('"type"') <= 64


def test_message_is_cut() -> None:
    message = describe(ValueError("x" * 10_000)).message
    assert message == "x" * 4096 + "[... 5904 more characters]"


def test_lone_surrogates_are_escaped() -> None:
    assert describe(ValueError("\udcff")).message == "\\udcff"


def test_without_room_there_is_still_an_exception() -> None:
    info = describe(chain(3), room=60)
    assert info.type == "ValueError"
    assert info.omitted == 2
