"""Third-party packages in an image: found behind the standard library, and looked at as closely."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.probe.conftest import Probe
from tests.unit.probe.test_genuine import dedent8, doubted

HTTPZ = """
class Failed(OSError):
    pass

def get():
    raise Failed("honest")
"""


@pytest.fixture
def equipped(probe: Probe, tmp_path: Path) -> Probe:
    """The probe in an image that has the package `httpz`, and one that calls itself `smtplib`."""
    shutil.copytree(probe.folder, tmp_path / "probe")
    for name, source in (("httpz", HTTPZ), ("smtplib", "raise ImportError")):
        (tmp_path / "libs" / name).mkdir(parents=True)
        (tmp_path / "libs" / name / "__init__.py").write_text(source)
    return replace(probe, folder=tmp_path / "probe")


def test_an_image_without_packages_has_none(probe: Probe) -> None:
    assert probe("import httpz")["exception"]["type"] == "ModuleNotFoundError"


def test_what_a_library_raises_is_not_doubted(equipped: Probe) -> None:
    report = equipped("import httpz\nhttpz.get()")
    assert [(f["module"], f["qualname"], f["genuine"]) for f in report["stack"]] == [
        ("httpz", "get", True)
    ]
    error = report["exception"]
    assert (error["type"], error["named"], error["origin"]["client"]) == ("httpz.Failed", "", False)


def test_packages_stand_behind_the_standard_library(equipped: Probe) -> None:
    report = equipped("import smtplib\nsmtplib.__file__.startswith(__import__('os').__file__[:-5])")
    assert report["returned"] == "True"


MADE_UP = {
    "the real code in other globals": """
        import types
        types.FunctionType(httpz.get.__code__, dict(vars(httpz)), "get")()
    """,
    "code in the real globals": """
        made = {}
        lines = "\\n" * (httpz.get.__code__.co_firstlineno - 1)
        exec(compile(lines + "def get(): raise Failed(1)", httpz.__file__, "exec"),
             vars(httpz), made)
        made["get"]()
    """,
    "a module in its place": """
        import sys, types
        code = httpz.get.__code__
        module = sys.modules["httpz"] = types.ModuleType("httpz")
        lines = "\\n" * (code.co_firstlineno - 1)
        exec(compile(lines + "def get(): 1 / 0", httpz.__file__, "exec"), vars(module))
        module.get()
    """,
}


@pytest.mark.parametrize("how", MADE_UP)
def test_frames_that_a_client_makes_up_are_doubted(how: str, equipped: Probe) -> None:
    assert doubted(equipped("import httpz\n" + dedent8(MADE_UP[how]))) == ["httpz:get"]


def test_a_class_that_a_client_names_after_a_library_is_the_clients(equipped: Probe) -> None:
    made = type_of(equipped, 'type("Failed", (OSError,), {"__module__": "httpz"})')
    assert made == ("__main__.Failed", "httpz.Failed")
    made = type_of(equipped, 'type("Other", (OSError,), {"__module__": "httpz"})')
    assert made == ("__main__.Other", "httpz.Other")


def type_of(probe: Probe, kind: str) -> tuple[str, str]:
    error = probe(f"import httpz\nraise {kind}(1)")["exception"]
    return error["type"], error["named"]
