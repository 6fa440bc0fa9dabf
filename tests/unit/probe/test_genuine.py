"""Frames and classes that are what they are called, and those that are not, on every Python."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from labctl.model.exceptions import known_names
from labctl.probe.genuine import ClaimedFunction, ModuleFiles
from tests.unit.probe.conftest import Probe

HEADER = """
import smtplib, socket, sys, types
def renamed(function, qualname):
    if sys.version_info >= (3, 11):
        function.__code__ = function.__code__.replace(co_qualname=qualname)
    return function
"""


def doubted(report: dict[str, Any]) -> list[str]:
    return [f"{f['module']}:{f['qualname']}" for f in report["stack"] if not f["genuine"]]


MADE_UP = {
    "code in the real globals": """
        made = {}
        lines = "\\n" * (smtplib.SMTP.connect.__code__.co_firstlineno - 1)
        exec(compile(lines + "def connect(): 1 / 0", smtplib.__file__, "exec"),
             smtplib.__dict__, made)
        renamed(made["connect"], "SMTP.connect")()
    """,
    "code in made-up globals": """
        made = {"__name__": "smtplib"}
        lines = "\\n" * (smtplib.SMTP.connect.__code__.co_firstlineno - 1)
        exec(compile(lines + "def connect(): 1 / 0", smtplib.__file__, "exec"), made)
        renamed(made["connect"], "SMTP.connect")()
    """,
    "the real code in other globals": """
        code = smtplib.SMTP.connect.__code__
        types.FunctionType(code, dict(smtplib.__dict__), "connect", (1,) * 3)(None)
    """,
    "a module that is not the one of its file": """
        code = smtplib.SMTP.connect.__code__
        module = sys.modules["smtplib"] = types.ModuleType("smtplib")
        lines = "\\n" * (code.co_firstlineno - 1)
        exec(compile(lines + "def connect(): 1 / 0", "smtplib.py", "exec"), module.__dict__)
        renamed(module.connect, "SMTP.connect")()
    """,
}


@pytest.mark.parametrize("how", MADE_UP)
def test_made_up_frames(how: str, probe: Probe) -> None:
    assert doubted(probe(HEADER + dedent8(MADE_UP[how]))) == ["smtplib:SMTP.connect"]


def dedent8(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines())


HONEST = {
    "methods of dataclasses": """
        import dataclasses
        @dataclasses.dataclass
        class Point:
            x: int
        Point()
    """,
    "a dataclass of the library": """
        import statistics
        statistics.NormalDist(sigma=-1)
    """,
    "a named tuple": """
        import collections
        collections.namedtuple("Pair", "a b", defaults=())(1)
    """,
    "a context manager": """
        import contextlib
        @contextlib.contextmanager
        def manager():
            yield
        with manager():
            1 / 0
    """,
    "an import that fails": """
        sys.modules["_ssl"] = None
        sys.modules.pop("ssl", None)
        import ssl
    """,
    "a frozen module": """
        import os
        os.makedirs("/proc/no/such/folder")
    """,
    "a decorated function": """
        import functools
        @functools.lru_cache
        def f():
            1 / 0
        @functools.wraps(f)
        def g():
            f()
        functools.reduce(lambda a, b: g(), [1, 2])
    """,
    "a traced and warm function": """
        import json
        sys.settrace(lambda *args: None)
        for n in range(3000):
            json.loads("[1, 2]")
        json.loads("[1, 2")
    """,
    "threads and asyncio": """
        import asyncio, threading
        async def fail():
            await asyncio.get_running_loop().run_in_executor(None, json_fail)
        def json_fail():
            import json
            json.loads("[")
        asyncio.run(fail())
    """,
    "a module of the client's own": """
        module = sys.modules["mine"] = types.ModuleType("mine")
        exec("def f(): 1 / 0", module.__dict__)
        module.f()
    """,
    "a function of a library replaced by the client's": """
        smtplib.SMTP.connect = lambda self, *args: 1 / 0
        smtplib.SMTP("x")
    """,
}


@pytest.mark.parametrize("what", HONEST)
def test_honest_frames_are_not_doubted(what: str, probe: Probe) -> None:
    report = probe(HEADER + dedent8(HONEST[what]))
    assert report["exception"] is not None
    assert doubted(report) == []


def _functions(module: types.ModuleType) -> Iterator[types.FunctionType]:
    for thing in list(vars(module).values()):
        if isinstance(thing, types.FunctionType) and thing.__globals__ is vars(module):
            yield thing
        elif isinstance(thing, type) and thing.__module__ == module.__name__:
            yield from (f for f in vars(thing).values() if isinstance(f, types.FunctionType))


class _Frame:
    def __init__(self, function: types.FunctionType) -> None:
        self.f_code, self.f_globals = function.__code__, function.__globals__


def test_every_function_that_is_loaded_here_is_genuine() -> None:
    """Some thousand of them: of the standard library, installed ones, frozen ones."""
    library = ModuleFiles()
    functions = [
        function
        for module in list(sys.modules.values())
        if module.__name__.partition(".")[0] in STDLIB
        for function in _functions(module)
    ]
    places = [ClaimedFunction(_Frame(function)) for function in functions]  # type: ignore[arg-type]
    assert len(places) > 2000
    assert [p.module + ":" + library.name(p) for p in places if not library.is_genuine(p)] == []


STDLIB = sys.stdlib_module_names - {"__main__"}


FAKE_CLASSES = """
        class Meta(type):
            __module__ = property(lambda self: "builtins")
        class Fake(ConnectionRefusedError{more}): pass
        Fake.__name__ = Fake.__qualname__ = "ConnectionRefusedError"
        type.__dict__["__module__"].__set__(Fake, {module!r})
        {replace}
        raise Fake(111, "refused")
    """


@pytest.mark.parametrize(
    ("module", "more", "replace"),
    [
        ("builtins", "", ""),
        ("builtins", ", metaclass=Meta", ""),
        ("builtins", "", "import builtins; builtins.ConnectionRefusedError = Fake"),
        ("socket", "", ""),
    ],
)
def test_classes_that_are_called_like_others(
    module: str, more: str, replace: str, probe: Probe
) -> None:
    source = FAKE_CLASSES.format(module=module, more=more, replace=replace)
    error = probe(source)["exception"]
    claimed = "" if module == "builtins" else f"{module}."
    assert error["type"] == "__main__.ConnectionRefusedError"
    assert error["named"] == f"{claimed}ConnectionRefusedError"
    assert error["bases"][0] == "__main__.ConnectionRefusedError"
    assert error["bases"][1] == "ConnectionRefusedError"


EVERY_NAME = """
import builtins, importlib, sys
from probe.genuine import ModuleFiles
from probe.text import name_parts, qualified_name
library, wrong, seen = ModuleFiles(), [], 0
for name in sys.stdin.read().split():
    module, _, qualname = name.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module or "builtins"), qualname)
    except (ImportError, AttributeError):
        continue
    seen += 1
    if not library.has_true_name(kind, *name_parts(kind)):
        wrong.append(name)
assert seen > 100, seen
print(wrong)
"""


def test_every_exception_of_the_library_is_called_so(probe: Probe) -> None:
    done = subprocess.run(
        [probe.python, "-I", "-W", "ignore", "-c",
         f"import sys; sys.path.insert(0, {str(probe.folder.parent)!r})\n" + EVERY_NAME],
        input="\n".join(sorted(known_names())), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_probe_hides_its_modules(probe: Probe) -> None:
    assert (
        probe("import sys\n[n for n in sys.modules if n.startswith('probe')]")["returned"] == "[]"
    )


def test_what_has_no_file_is_unknown() -> None:
    assert ModuleFiles().module("not_there_at_all") is None
    assert ModuleFiles().module("\0") is None


def test_a_client_that_ran_out_of_descriptors_is_not_doubted(probe: Probe) -> None:
    report = probe("""
        import resource, socket
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        kept = []
        while True:
            kept.append(socket.create_server(("127.0.0.1", 0)))
    """)
    assert report["exception"]["symbols"] == {"errno": "EMFILE"}
    assert [frame["genuine"] for frame in report["stack"]] == [True] * len(report["stack"])
    assert report["stack"][0]["qualname"] == "create_server"


def test_where_files_cannot_be_read_nobody_can_say(probe: Probe) -> None:
    report = probe("""
        import json, resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        json.loads("[")
    """)
    assert {frame["genuine"] for frame in report["stack"]} == {None}
