"""The table of client libraries: what an entry may say, and that only who needs it reads it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from labctl.model.exceptions import known_names
from labctl.model.layers import LAYERS
from labctl.model.libraries import (
    Library,
    Reply,
    libraries,
    libraries_with_modules,
    third_party_libraries,
)
from labctl.results.retry import KINDS

TABLE = libraries()


def exceptions(library: Library) -> list[str]:
    """All exceptions that an entry names, as they call themselves."""
    reply = [library.reply.exception] if library.reply else []
    return [
        *library.documented, *library.timeouts, *library.kinds, *library.clauses.values(), *reply,
    ]  # fmt: skip


@pytest.mark.parametrize("library", TABLE.values(), ids=TABLE)
def test_an_entry_names_exceptions_layers_and_kinds_that_exist(library: Library) -> None:
    names = exceptions(library)
    assert all(name.partition(".")[0] == library.module for name in names)
    assert library.distribution or known_names().issuperset(names)
    assert library.protocol in (None, *LAYERS)
    assert {kind.name for kind in KINDS}.issuperset(library.kinds.values())
    assert library.reply is None or library.reply.codes in ("smtp", "http")


@pytest.mark.parametrize("library", TABLE.values(), ids=TABLE)
def test_lists_are_tuples_of_texts(library: Library) -> None:
    for field in fields(library):
        value = getattr(library, field.name)
        if field.name in ("documented", "timeouts"):
            assert isinstance(value, tuple)
            assert all(isinstance(name, str) for name in value)


def test_third_party_libraries_have_a_distribution_and_are_no_part_of_python() -> None:
    assert "requests" in third_party_libraries()
    for name, library in TABLE.items():
        assert bool(library.distribution) is (name in third_party_libraries())
        is_of_python = library.module in {*sys.stdlib_module_names, "nntplib"}
        assert is_of_python is not bool(library.distribution)


def test_the_reply_of_a_library() -> None:
    expected = Reply(exception="smtplib.SMTPException", attribute="smtp_code", codes="smtp")
    assert TABLE["smtplib"].reply == expected


def test_libraries_are_known_by_the_modules_that_clients_import() -> None:
    assert libraries_with_modules({"httpx", "smtplib", "os"}) == ("httpx",)


def test_the_table_is_not_read_when_its_module_is_imported() -> None:
    code = (
        "import sys, labctl.cli, labctl.model.scenario, labctl.model.policy, labctl.results.retry\n"
        "import labctl.explain.setting, labctl.results.comparison, labctl.load.imports\n"
        "from labctl.model.libraries import libraries\n"
        "print(libraries.cache_info().currsize, 'tomllib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 False\n"
