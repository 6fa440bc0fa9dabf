"""The table of formats."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from labctl.report.documents import FORMATS, Format, result_json
from tests.unit.report.documents.results import everything

BEGINNINGS = {
    "json": '{\n  "schema": "labctl-result/1"',
    "junit": "<?xml version",
    "ctrf": '{\n  "reportFormat": "CTRF"',
    "html": "<!DOCTYPE html>",
}


def test_the_formats_have_names_and_help() -> None:
    assert [one.name for one in FORMATS] == ["json", "junit", "ctrf", "html"]
    for one in FORMATS:
        assert one.name.isidentifier()
        assert one.title.startswith("Write ")
        assert one.title.endswith(" there.")


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_every_format_can_be_written(one: Format) -> None:
    assert one.render(everything(), ".").startswith(BEGINNINGS[one.name])


def test_json_is_the_result_document() -> None:
    written = FORMATS[0].render(everything(), "anywhere")
    assert written == result_json(everything())
    assert json.loads(written)["schema"] == "labctl-result/1"


def test_the_table_costs_nothing_to_read() -> None:
    heavy = ("xml", "json", "jinja2", "pydantic", "rich", "html")
    code = (
        "import sys; import labctl.report.documents; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
