"""The project's modules that are sent with a function or a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labctl.errors import InputError, UsageError
from labctl.plugin.bundle.bundler import SIZE_LIMIT
from labctl.plugin.bundle.project import ModuleOwner
from labctl.plugin.bundle.project import Project as Modules
from tests.unit.plugin.bundle.conftest import LIBRARIES, Project

SHOP = {
    "shop/__init__.py": "from . import client\n",
    "shop/client.py": "import json\nfrom .errors import Broken\nfrom shop.deep import inner\n",
    "shop/errors.py": "class Broken(Exception): pass\n",
    "shop/deep/inner.py": "import shop.client\n",
    "shop/unused.py": "import boto3\n",
}


def shop(project: Project) -> None:
    for name, text in SHOP.items():
        project.write(name, text)


FETCH = "import pytest\nfrom shop.client import Broken\ndef fetch(): raise Broken\n"


def test_modules_that_are_imported_are_sent_and_what_these_import(project: Project) -> None:
    shop(project)
    bundle = project.bundle(project.test(FETCH).fetch)
    assert {name: (one.file, one.source) for name, one in bundle.modules.items()} == {
        "shop": ("shop/__init__.py", SHOP["shop/__init__.py"]),
        "shop.client": ("shop/client.py", SHOP["shop/client.py"]),
        "shop.errors": ("shop/errors.py", SHOP["shop/errors.py"]),
        "shop.deep": ("shop/deep/__init__.py", ""),
        "shop.deep.inner": ("shop/deep/inner.py", SHOP["shop/deep/inner.py"]),
    }
    assert "shop.unused" not in bundle.source


def test_a_function_of_the_projects_own_comes_with_its_module(project: Project) -> None:
    project.write("shop/__init__.py", "")
    project.write("shop/client.py", "def fetch(host, port): return host\n")
    bundle = project.bundle(project.load("shop.client").fetch)
    assert set(bundle.modules) == {"shop", "shop.client"}
    assert bundle.source.endswith(
        "; from shop.client import fetch\nfetch(host='closed.lab', port=2525)\n"
    )
    assert bundle.file == "fetch.py"


def test_without_it_where_it_can_not_be_imported_there(project: Project) -> None:
    """What it needs itself may be there all the same."""
    project.write(
        "shop.py",
        """\
        import json
        import pytest
        def fetch(): return json
        def other(): return pytest
        """,
    )
    module = project.load("shop")
    bundle = project.bundle(module.fetch)
    assert not bundle.modules
    assert "\nimport json" in bundle.source.replace("; ", "\n")
    with pytest.raises(InputError, match=re.escape("shop.py:2: imports pytest, which ")):
        project.bundle(module.other)


def test_without_it_where_that_has_another_one_of_the_name(project: Project) -> None:
    project.write("shop.py", "def fetch(): return 1\nfirst = fetch\ndef fetch(): return 2\n")
    bundle = project.bundle(project.load("shop").first)
    assert not bundle.modules
    assert bundle.source.endswith("def fetch(): return 1\nfetch()\n")


def test_functions_of_conftest_are_sent_without_it(project: Project) -> None:
    project.write("conftest.py", "def fetch(): return 1\n")
    (project.root / "inner").mkdir()
    project.write("inner/conftest.py", "def fetch(): return 2\n")
    for name in ("conftest", "inner.conftest"):
        assert not project.bundle(project.load(name).fetch).modules


def test_relative_imports_of_a_test_are_from_its_package(project: Project) -> None:
    project.write("suite/__init__.py", "")
    project.write("suite/helpers.py", "def ask(): return 1\n")
    project.write(
        "suite/test_it.py",
        """\
        import pytest
        from .helpers import ask as question
        from . import helpers
        def fetch(): return question, helpers
        """,
    )
    project.tests = {"suite.test_it"}
    bundle = project.bundle(project.load("suite.test_it").fetch)
    assert set(bundle.modules) == {"suite", "suite.helpers"}
    assert (
        "\nfrom suite.helpers import ask as question\nfrom suite import helpers\n" in bundle.source
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import boto3_of_another\n", 1),
        ("x = 1\nif x:\n    from boto3_of_another import client\n", 3),
        ("class A:\n    import boto3_of_another.inner\n", 2),
    ],
)
def test_a_library_that_no_container_has_is_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int
) -> None:
    installed(project, tmp_path, monkeypatch)
    project.write("shop.py", text + "class Broken(Exception): pass\n")
    module = project.test("import pytest\nfrom shop import Broken\ndef fetch(): raise Broken\n")
    with pytest.raises(InputError) as error:
        project.bundle(module.fetch)
    assert str(error.value) == (
        f"{project.root}/shop.py:{line}: imports boto3_of_another, which a client's container does "
        "not have"
    )


def installed(project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is installed, as pip does it."""
    place = folder / "site-packages"
    project.write("site-packages/boto3_of_another/__init__.py", "client = 1\n")
    project.write("site-packages/boto3_of_another/inner.py", "")
    project.write(
        "site-packages/boto3_of_another-1.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Boto3.of-another\nVersion: 1\n",
    )
    project.write("site-packages/boto3_of_another-1.dist-info/top_level.txt", "boto3_of_another\n")
    monkeypatch.syspath_prepend(place)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import boto3_of_another\nexcept ImportError:\n    pass\n",
        "def f():\n    import boto3_of_another\n",
        "import typing\nif typing.TYPE_CHECKING:\n    import boto3_of_another\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import boto3_of_another\n",
    ],
)
def test_what_a_module_can_do_without_is_no_mistake(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    installed(project, tmp_path, monkeypatch)
    project.write("shop.py", text + "class Broken(Exception): pass\n")
    module = project.test("import pytest\nfrom shop import Broken\ndef fetch(): raise Broken\n")
    assert set(project.bundle(module.fetch).modules) == {"shop"}


def test_the_project_itself_may_be_installed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(project, tmp_path, monkeypatch)
    project.write("pyproject.toml", '[project]\nname = "boto3-of_another"\n')
    module = project.test("import boto3_of_another\ndef fetch(): return boto3_of_another\n")
    assert set(project.bundle(module.fetch).modules) == {"boto3_of_another"}


def test_libraries_are_required_where_they_are_imported(project: Project) -> None:
    project.write("shop.py", "import requests.adapters\n")
    bundle = project.bundle(project.test("import shop\ndef fetch(): return shop\n").fetch)
    assert (bundle.requires, bundle.needs_libraries) == (("requests",), True)


def test_what_libraries_are_made_of_takes_an_image_with_libraries_too(project: Project) -> None:
    project.write("shop.py", "import typing_extensions\n")
    bundle = project.bundle(project.test("import shop\ndef fetch(): return shop\n").fetch)
    assert (bundle.requires, bundle.needs_libraries) == ((), True)


def test_a_module_that_is_no_python_is_told(project: Project) -> None:
    project.write("shop/__init__.py", "")
    suffix = __import__("importlib.machinery").machinery.EXTENSION_SUFFIXES[0]
    project.write(f"shop/fast{suffix}", "")
    project.write("shop/slow.py", "from . import fast\n")
    module = project.test("def fetch():\n    import shop.slow\n")
    with pytest.raises(InputError) as error:
        project.bundle(module.fetch)
    assert str(error.value) == (
        f"{project.root}/shop/fast{suffix}: shop.fast is not written in Python: it can't be sent "
        "to a client's container"
    )


def test_one_that_can_not_be_parsed_is_sent_as_it_is(project: Project) -> None:
    project.write("shop.py", "def f(\n")
    assert set(project.bundle(project.test("def fetch():\n    import shop\n").fetch).modules) == {
        "shop"
    }


def test_there_is_an_end_to_what_is_sent(project: Project) -> None:
    for number in range(5):
        project.write(f"shop{number}.py", f"import shop{number + 1}\n#" + "x" * (SIZE_LIMIT // 5))
    module = project.test("def fetch():\n    import shop0\n")
    with pytest.raises(InputError) as error:
        project.bundle(module.fetch)
    assert re.fullmatch(
        r"fetch and the 5 modules that it needs have 102\d KiB; a client may have 1024 KiB",
        str(error.value),
    )
    assert error.value.hint == (
        "import large modules in the functions that use them, or import fewer"
    )


def test_whose_a_module_is(project: Project, tmp_path: Path) -> None:
    project.write("shop.py", "")
    project.write("queue.py", "")  # as in the standard library, but before it
    modules = Modules(project.root, LIBRARIES, [tmp_path])
    assert {
        name: modules.owner(name)
        for name in (
            "shop", "shop.nothing", "queue", "os", "sys", "smtplib", "xml.dom", "requests.api",
            "typing_extensions", "pytest", "labctl.model", "pydantic", "nothing_of_that_kind",
            "__main__",
        )
    } == {
        "shop": ModuleOwner.PROJECT,
        "shop.nothing": ModuleOwner.PROJECT,
        "queue": ModuleOwner.PROJECT,
        "os": ModuleOwner.PYTHON,
        "sys": ModuleOwner.PYTHON,
        "smtplib": ModuleOwner.PYTHON,
        "xml.dom": ModuleOwner.PYTHON,
        "requests.api": ModuleOwner.LIBRARY,
        "typing_extensions": ModuleOwner.LIBRARY,
        "pytest": ModuleOwner.HOST_ONLY,
        "labctl.model": ModuleOwner.HOST_ONLY,
        "pydantic": ModuleOwner.HOST_ONLY,
        "nothing_of_that_kind": ModuleOwner.MISSING,
        "__main__": ModuleOwner.PYTHON,
    }  # fmt: skip
    assert modules.module("shop.nothing") is None


def test_a_script_is_sent_as_it_is_where_it_needs_nothing(project: Project) -> None:
    path = project.write("ask.py", "'''Ask.'''\nimport os, requests\nos\n")
    bundle = project.bundle(path, ["-v", 2])
    assert bundle.source == "'''Ask.'''\nimport os, requests\nos\n"
    assert (bundle.name, bundle.file, bundle.argv) == ("ask", "ask.py", ("-v", "2"))
    assert bundle.requires == ("requests",)


def test_modules_beside_a_script_come_first(project: Project) -> None:
    project.write("shop.py", "A = 1\n")
    project.write("inner/shop.py", "A = 2\n")
    path = project.write(
        "inner/ask.py", "'''Ask.'''\nfrom __future__ import annotations\nimport shop\n"
    )
    bundle = project.bundle(str(path))
    assert bundle.modules["shop"].file == "inner/shop.py"
    lines = bundle.source.split("\n")
    assert lines[:2] == ["'''Ask.'''", "from __future__ import annotations"]
    assert lines[2].startswith("_labctl = ")
    assert lines[3:] == ["import shop", ""]


def test_a_script_that_is_no_python_says_so_itself(project: Project) -> None:
    assert project.bundle(project.write("ask.py", "def (\n")).source == "def (\n"


def test_a_script_has_no_arguments_by_name(project: Project) -> None:
    with pytest.raises(UsageError) as error:
        project.bundle(project.write("ask.py", ""), {"a": 1})
    assert str(error.value) == "a script takes no arguments by name"
    assert error.value.hint == "give args= a list"
