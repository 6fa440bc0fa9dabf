"""StackReader: the same on every Python, library functions only."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest

from labctl.probe.genuine import ModuleFiles
from labctl.probe.stack import StackReader
from labctl.probe.text import Budget
from tests.unit.probe.conftest import Probe


def names(report: dict[str, Any]) -> list[str]:
    return [f"{frame['module']}:{frame['qualname']}" for frame in report["stack"]]


def test_refused_smtp(probe: Probe, refused_port: int) -> None:
    report = probe(f"import smtplib\nsmtplib.SMTP('127.0.0.1', {refused_port}, timeout=5)")
    assert report["exception"]["type"] == "ConnectionRefusedError"
    assert names(report) == [
        "smtplib:SMTP.__init__",
        "smtplib:SMTP.connect",
        "smtplib:SMTP._get_socket",
        "socket:create_connection",
    ]


def test_line_is_where_the_exception_came_from(probe: Probe, refused_port: int) -> None:
    report = probe(f"""
        import socket
        try:
            socket.create_connection(("127.0.0.1", {refused_port}))
        except OSError as error:
            last = error.__traceback__
            while last.tb_next:
                last = last.tb_next
            print(last.tb_lineno)
            raise
    """)
    assert len(report["stack"]) == 1
    assert report["stack"][0]["line"] == int(report["stdout"])


def test_client_s_frames_are_left_out_wherever_they_are(probe: Probe) -> None:
    report = probe("""
        import re
        def callback(match):
            exec(compile("1 / 0", __file__, "exec"), {})
        class Client:
            def run(self):
                [re.compile("x").sub(callback, "x") for _ in "x"]
                functools.reduce(callback, [])
        import functools, json
        json.JSONDecoder(object_hook=lambda value: Client().run()).decode("{}")
    """)
    assert names(report) == [
        "json.decoder:JSONDecoder.decode",
        "json.decoder:JSONDecoder.raw_decode",
    ]


def test_nested_functions_and_decorators(probe: Probe) -> None:
    report = probe("""
        import contextlib
        with contextlib.suppress(KeyError), contextlib.ExitStack() as stack:
            @stack.callback
            def fail(): raise ValueError
    """)
    assert (
        names(report)
        == [
            "contextlib:ExitStack.__exit__",
            "contextlib:ExitStack.__exit__",
            "contextlib:_BaseExitStack._create_cb_wrapper.<locals>._exit_wrapper",
        ][:1]
        + names(report)[1:]
    )
    assert names(report)[-1].endswith("_create_cb_wrapper.<locals>._exit_wrapper")


def test_of_a_deep_stack_both_ends_are_kept(probe: Probe) -> None:
    report = probe("""
        import types
        module = types.ModuleType("deep")
        exec("def first(n): middle(n)\\ndef middle(n): middle(n - 1) if n else last()\\n"
             "def last(): raise ValueError", module.__dict__)
        module.first(300)
    """)
    assert len(report["stack"]) == 128
    assert report["omitted_frames"] == 303 - 128
    assert names(report)[:2] == ["deep:first", "deep:middle"]
    assert names(report)[-2:] == ["deep:middle", "deep:last"]


def test_frames_without_a_proper_module_name(this_probe: Probe) -> None:
    report = this_probe("""
        exec(compile("def f(): 1 / 0", "<made>", "exec"), space := {"__name__": 3})
        space["f"]()
    """)
    assert names(report) == ["?:f"]


def test_budget_bounds_the_frames() -> None:
    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        raise ValueError("deep")

    with pytest.raises(ValueError, match="deep") as caught:
        fail(20)
    frames, omitted = StackReader("<client>", Budget(1000), ModuleFiles()).read(
        caught.value.__traceback__
    )
    assert 0 < len(frames) < 20
    assert len(frames) + omitted == 22


MODULES = ("asyncio", "concurrent.futures", "email", "http", "logging", "unittest", "urllib")


def _modules() -> Iterator[str]:
    yield from ("contextlib", "ftplib", "functools", "imaplib", "inspect", "poplib", "selectors")
    yield from ("smtplib", "socket", "socketserver", "ssl", "subprocess", "tempfile", "typing")
    for package in MODULES:
        path = importlib.import_module(package).__path__
        yield from (
            m.name for m in pkgutil.iter_modules(path, package + ".") if "main" not in m.name
        )


def _within(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _within(inner)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="compares with co_qualname")
@pytest.mark.parametrize("name", sorted(_modules()))
def test_names_found_by_line_are_those_of_3_11(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    code = spec.loader.get_code(name)  # type: ignore[union-attr]
    module = ModuleFiles().module(name)
    assert module is not None
    found = module.names
    wrong = {
        inner.co_qualname: found[inner.co_name, inner.co_firstlineno]
        for inner in _within(code)
        if found[inner.co_name, inner.co_firstlineno] != inner.co_qualname
    }
    assert wrong == {}
