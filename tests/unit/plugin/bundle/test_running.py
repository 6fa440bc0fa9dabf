"""What is sent, run by the probe, on every Python that is here."""

from __future__ import annotations

import importlib
import json
import linecache
import sys
import traceback
from collections.abc import Iterator

import pytest

from labctl.judge.observe import observe
from labctl.model.result import Observation
from labctl.plugin.bundle import Bundle
from labctl.plugin.bundle.qualnames import with_qualnames
from labctl.plugin.bundle.remote import install
from tests.unit.judge.samples import evidence, result
from tests.unit.plugin.bundle.conftest import Project
from tests.unit.probe.conftest import Probe

CLIENT = """\
from .errors import Broken

class Client:
    def __init__(self, host):
        self.host = host

    def get(self):
        try:
            return float(self.host)
        except ValueError as error:
            raise Broken(self.host) from error

def later():
    def inside():
        raise Broken("inside")
    inside()
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("shop/__init__.py", "")
    project.write("shop/client.py", CLIENT)
    project.write("shop/errors.py", "class Broken(Exception):\n    pass\n")
    return project


def seen(probe: Probe, bundle: Bundle) -> Observation:
    report = probe(bundle.source, filename=f"/nowhere/{bundle.file}")
    whole = result(observe(evidence(json.dumps(report).encode())))
    found = with_qualnames(whole, bundle.modules).observed
    assert found
    return found


def test_functions_of_the_project_are_in_the_stack_and_the_tests_own_are_not(
    shop: Project, probe: Probe
) -> None:
    module = shop.test(
        """\
        import pytest
        from shop.client import Client

        def fetch(host, port):
            helper(host)

        def helper(host):
            Client(host).get()
        """
    )
    found = seen(probe, shop.bundle(module.fetch))
    assert found.exception
    assert found.exception.type == "shop.errors.Broken"
    assert found.exception.message == "closed.lab"
    assert found.exception.bases == ("shop.errors.Broken", "Exception", "BaseException")
    assert found.exception.cause
    assert found.exception.cause.type == "ValueError"
    assert [f"{one.module}:{one.qualname}" for one in found.stack] == ["shop.client:Client.get"]
    assert found.tampered == ()


def test_inner_functions_have_their_full_names(shop: Project, probe: Probe) -> None:
    module = shop.test("import pytest\nfrom shop.client import later\ndef fetch(): later()\n")
    found = seen(probe, shop.bundle(module.fetch))
    names = [f"{one.module}:{one.qualname}" for one in found.stack]
    assert names == ["shop.client:later", "shop.client:later.<locals>.inside"]


def test_the_value_is_what_was_returned(shop: Project, probe: Probe) -> None:
    module = shop.test("import pytest\nN = 3\ndef fetch(host, port): return [host, port, N]\n")
    assert seen(probe, shop.bundle(module.fetch)).returned == "['closed.lab', 2525, 3]"


def test_nothing_of_ours_is_among_the_names_of_the_client(shop: Project, probe: Probe) -> None:
    module = shop.test(
        """\
        import pytest
        from shop import client
        def fetch(): return [n for n in globals() if n[0] != "_"], "_labctl" in globals(), client
        """
    )
    returned = seen(probe, shop.bundle(module.fetch)).returned or ""
    assert returned.startswith("(['annotations', 'client', 'fetch'], False, <module 'shop.client'")


def test_one_that_is_async_returns_too(shop: Project, probe: Probe) -> None:
    module = shop.test("async def fetch(host): return host\n")
    assert seen(probe, shop.bundle(module.fetch)).returned == "'closed.lab'"


def test_a_script_has_its_modules(shop: Project, probe: Probe) -> None:
    path = shop.write("ask.py", "'''Ask.'''\nimport shop.errors\n__doc__, shop.errors.Broken\n")
    assert seen(probe, shop.bundle(path)).returned == "('Ask.', <class 'shop.errors.Broken'>)"


def test_a_module_of_ones_own_comes_before_another_of_its_name(shop: Project, probe: Probe) -> None:
    shop.write("inner/colorsys.py", "A = 'ours'\n")
    path = shop.write("inner/ask.py", "import colorsys\ncolorsys.A\n")
    assert seen(probe, shop.bundle(path)).returned == "'ours'"


def test_a_module_that_breaks_when_it_is_imported_is_told(shop: Project, probe: Probe) -> None:
    shop.write("shop/broken.py", "raise ValueError('at import')\n")
    module = shop.test("def fetch():\n    import shop.broken\n")
    found = seen(probe, shop.bundle(module.fetch))
    assert found.exception
    assert (found.exception.type, found.exception.message) == ("ValueError", "at import")
    assert [f"{one.module}:{one.qualname}" for one in found.stack] == ["shop.broken:<module>"]


@pytest.fixture
def _undone() -> Iterator[None]:
    finders, modules = list(sys.meta_path), set(sys.modules)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        if name.startswith("sent"):
            del sys.modules[name]


@pytest.mark.usefixtures("_undone")
def test_modules_that_were_sent_are_as_others_are() -> None:
    source = "def f():\n    raise ValueError('\u00e9')\n"
    install({"sent": ("src/sent/__init__.py", ""), "sent.one": ("src/sent/one.py", source)})
    import sent.one  # type: ignore[import-not-found]  # noqa: PLC0415

    assert sent.one.__package__ == "sent"
    assert sent.one.__file__.endswith("src/sent/one.py")
    linecache.clearcache()
    with pytest.raises(ValueError, match="\u00e9") as error:
        sent.one.f()
    shown = "".join(traceback.format_exception(error.value))
    assert "src/sent/one.py\", line 2, in f\n    raise ValueError('\u00e9')\n" in shown
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'sent\.two'"):
        importlib.import_module("sent.two")
