"""Functions of test modules, and what is sent with them."""

from __future__ import annotations

import functools
import re

import pytest

from labctl.errors import InputError, LabError, UsageError
from labctl.model.libraries import third_party_libraries
from tests.unit.plugin.bundle.conftest import Project


def body(source: str) -> str:
    """A source but for its first line, which has the modules."""
    return source.partition("\n")[2]


def test_a_function_alone(project: Project) -> None:
    module = project.test(
        """\
        import pytest

        def fetch(host, port):
            return host, port
        """
    )
    bundle = project.bundle(module.fetch)
    assert bundle.source == (
        "from __future__ import annotations\n\n"
        "def fetch(host, port):\n    return host, port\n"
        "fetch(host='closed.lab', port=2525)\n"
    )
    assert (bundle.name, bundle.file, bundle.argv, bundle.requires) == (
        "fetch",
        "test_it.py",
        (),
        (),
    )
    assert not bundle.modules
    assert not bundle.needs_libraries


def test_what_it_uses_of_its_module_is_sent_in_the_lines_that_it_stands_in(
    project: Project,
) -> None:
    module = project.test(
        """\
        from __future__ import annotations
        import json, smtplib, pytest
        from os import (
            path as places,
            sep,
        )
        import xml.dom
        import xml.sax

        LIMIT: int = 3
        UNUSED = object()

        def keep(function): return function

        class Base:
            limit = LIMIT

        class Thing(Base):
            def half(self): return self.limit / json.loads("2")

        @keep
        def fetch(host, port, at=sep):
            assert xml.sax.handler and xml.dom.Node
            return Thing().half(), places.join("a", at), helper(1)

        def helper(x: UNUSED) -> Unknown: return [x for x in range(LIMIT)]
        """
    )
    lines = project.bundle(module.fetch).source.split("\n")
    assert lines == [
        "from __future__ import annotations",
        "import json",
        "from os import path as places; from os import sep",
        "",
        "",
        "",
        "import xml.dom",
        "import xml.sax",
        "",
        "LIMIT = 3",
        "",
        "",
        "def keep(function): return function",
        "",
        "class Base:",
        "    limit = LIMIT",
        "",
        "class Thing(Base):",
        '    def half(self): return self.limit / json.loads("2")',
        "",
        "@keep",
        "def fetch(host, port, at=sep):",
        "    assert xml.sax.handler and xml.dom.Node",
        '    return Thing().half(), places.join("a", at), helper(1)',
        "",
        "def helper(x: UNUSED) -> Unknown: return [x for x in range(LIMIT)]",
        "fetch(host='closed.lab', port=2525)",
        "",
    ]


def test_what_a_class_calls_by_a_name_of_its_own_is_no_global(project: Project) -> None:
    module = project.test(
        """\
        value = object()
        class A:
            value = 1
            other = value
        def fetch(): return A
        """
    )
    assert "object()" not in project.bundle(module.fetch).source


def test_lines_may_end_otherwise_and_a_file_may_say_its_encoding(project: Project) -> None:
    path = project.root / "test_it.py"
    path.write_bytes(b"# coding: latin-1\r\n\r\ndef fetch():\r\n    return '\xe9'\r\n")
    assert body(project.bundle(project.load("test_it").fetch).source) == (
        "\ndef fetch():\n    return '\xe9'\nfetch()\n"
    )


def test_one_that_is_defined_under_a_condition(project: Project) -> None:
    module = project.test(
        """\
        if True:
            def helper():
                return 1
        def fetch(): return helper()
        """
    )
    source = body(project.bundle(module.fetch).source)
    assert source == "def helper():\n    return 1\ndef fetch(): return helper()\nfetch()\n"


def test_functions_that_need_each_other(project: Project) -> None:
    module = project.test("def a(): return b\ndef b(): return a\n")
    assert body(project.bundle(module.a).source) == "def a(): return b\ndef b(): return a\na()\n"


def test_a_function_in_the_first_line_of_all(project: Project) -> None:
    module = project.test("def a(): return 1\n")
    assert body(project.bundle(module.a).source) == "def a(): return 1\na()\n"


def test_a_value_is_the_one_that_it_has_now(project: Project) -> None:
    module = project.test("A = 1\ndef a(): return A\nA = [1, {'b': None}]\n")
    assert "A = [1, {'b': None}]\n" in project.bundle(module.a).source


def test_a_global_that_is_changed_is_sent(project: Project) -> None:
    module = project.test("N = 0\ndef a():\n    global N\n    N = 2\n")
    assert "N = 0\n" in project.bundle(module.a).source.replace("; N", "\nN")


def test_one_that_has_the_name_of_a_built_in_one_is_sent(project: Project) -> None:
    module = project.test("\nlen = 3\ndef a(): return len, max\n")
    assert "\nlen = 3\ndef a()" in project.bundle(module.a).source


def test_a_function_inside_of_another_is_sent_if_it_uses_nothing_of_that(
    project: Project,
) -> None:
    module = project.test(
        """\
        class TestIt:
            def make(self):
                def fetch(host, port):
                    return 1
                return fetch
        """
    )
    assert body(project.bundle(module.TestIt().make()).source) == (
        "\ndef fetch(host, port):\n    return 1\nfetch(host='closed.lab', port=2525)\n"
    )


def test_of_several_imports_the_one_counts_that_was_made(project: Project) -> None:
    module = project.test(
        """\
        try:
            import nothing_of_that_kind as json
        except ImportError:
            import json
        try:
            from nothing_of_that_kind import sleep
        except ImportError:
            from time import sleep

        def fetch(): return json, sleep
        """
    )
    source = project.bundle(module.fetch).source
    assert "import json as json" in source
    assert "from time import sleep as sleep" in source
    assert "nothing_of_that_kind" not in source


def test_an_imported_function_under_another_name(project: Project) -> None:
    module = project.test(
        """\
        import json
        parse = json.loads
        from os.path import *
        def fetch(): return parse, join, json
        """
    )
    source = project.bundle(module.fetch).source
    assert "; import json\n" in source
    assert "from json import loads as parse" in source
    assert "from posixpath import join as join" in source


def test_one_that_is_async_is_run(project: Project) -> None:
    module = project.test("async def fetch(host, port): pass\n")
    assert project.bundle(module.fetch).source.endswith(
        "\n__import__('asyncio').run(fetch(host='closed.lab', port=2525))\n"
    )


def test_one_that_is_wrapped_is_sent_with_its_decorator(project: Project) -> None:
    module = project.test(
        """\
        import functools

        def twice(function):
            @functools.wraps(function)
            def both(*args):
                return function(*args), function(*args)
            return both

        @twice
        def fetch(a, b):
            return a
        """
    )
    source = project.bundle(module.fetch).source
    assert "@twice\ndef fetch(a, b):\n    return a\nfetch('closed.lab', 2525)\n" in source
    assert "import functools" in source


@functools.lru_cache
def cached() -> None:
    pass


CLIENT = "write a function (def) that takes host and port, and give that"


def test_what_is_no_function_is_told(project: Project) -> None:
    module = project.test(
        """\
        class Client:
            def get(self): pass

        fetch = lambda host, port: 1
        def around(url):
            def inner(host, port): return url
            return inner
        """
    )
    for client, kind in [
        (module.Client, "a class"),
        (module.Client().get, "of type method"),
        (functools.partial(print, 1), "of type partial"),
        (print, "of type builtin_function_or_method"),
        (cached, "of type _lru_cache_wrapper"),
        (3, "of type int"),
    ]:
        said = f"a client is a function or the path of a script, and this is {kind}"
        assert error_of(project, client) == (said, CLIENT)
    said = "a lambda can't be sent to a client's container"
    assert error_of(project, module.fetch) == (said, CLIENT)
    assert error_of(project, module.around("x")) == (
        "inner uses url of the function around it, which can't be sent to a client's container",
        "give the values with args=, or make them in the function itself",
    )


def error_of(project: Project, client: object, args: object = ()) -> tuple[str, str]:
    with pytest.raises(LabError) as error:
        project.bundle(client, args)
    return str(error.value), error.value.hint


def test_a_value_that_no_text_can_say_is_told(project: Project) -> None:
    module = project.test(
        """\
        import re
        PATTERN = re.compile("a")
        def fetch(host, port): return helper()
        def helper(): return PATTERN
        """
    )
    said, hint = error_of(project, module.fetch)
    assert said == (
        f"{project.root}/test_it.py:4: helper uses PATTERN, of type Pattern, which can't be sent "
        "to the client's container"
    )
    assert hint == (
        "make PATTERN in helper itself; or give it with args= if it is a plain value; or move it "
        "to a module of your project, and import it from there"
    )


def test_what_the_container_does_not_have_is_told(project: Project) -> None:
    module = project.test(
        """\
        import pytest
        @pytest.mark.usefixtures('a')
        def fetch(host, port): return 1
        def other(host, port):
            import pytest
        """
    )
    hint = (
        "the container has the standard library, modules of your project, and "
        f"{', '.join(third_party_libraries())}; move what the client needs to a module that "
        "doesn't import pytest, or import pytest in the function that uses it"
    )
    said = "imports pytest, which a client's container does not have"
    assert error_of(project, module.fetch) == (f"{project.root}/test_it.py:1: {said}", hint)
    assert error_of(project, module.other) == (f"{project.root}/test_it.py:5: {said}", hint)


def test_a_file_that_is_another_now_is_told(project: Project) -> None:
    module = project.test("def fetch(): pass\n")
    project.write("test_it.py", "\n\ndef other(): pass\n")
    assert error_of(project, module.fetch) == (
        f"fetch is not where it was defined: {project.root}/test_it.py, line 1",
        "give the function that is written there, under its own name",
    )
    project.write("test_it.py", "def fetch(\n")
    assert error_of(project, module.fetch)[0] == (
        f"{project.root}/test_it.py:1: is not what it was when it was imported"
    )
    (project.root / "test_it.py").unlink()
    assert error_of(project, module.fetch) == (
        f"the source of fetch is not there: {project.root}/test_it.py can't be read",
        "define the function in a file",
    )


def test_a_function_that_calls_itself_otherwise_is_told(project: Project) -> None:
    module = project.test("def fetch(): pass\n")
    module.fetch.__name__ = "other"
    assert error_of(project, module.fetch)[0] == (
        f"other is not where it was defined: {project.root}/test_it.py, line 1"
    )


def test_errors_of_calls_and_of_files_are_of_their_kinds(project: Project) -> None:
    module = project.test("import re\nA = re\nB = object()\ndef fetch(): return B\n")
    with pytest.raises(InputError, match=re.escape("uses B, of type object")):
        project.bundle(module.fetch)
    with pytest.raises(UsageError):
        project.bundle(module.fetch, [1])
