"""Names of course systems taken apart, and ids and names that are safe, whatever they are of."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labctl.submissions.students import (
    CourseFileName,
    clean_name,
    parse_course_name,
    student_id,
    without_suffix,
)

SAFE = re.compile(r"[A-Za-z0-9._@-]{1,80}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Jane Doe_123_assignsubmission_file_", CourseFileName(id="123", name="Jane Doe", rest="")),
        ("Jane Doe_123_assignsubmission_file", CourseFileName(id="123", name="Jane Doe", rest="")),
        (
            "Zo\u00eb O'Neil-Li_9_assignsubmission_file_my_client.py",
            CourseFileName(id="9", name="Zo\u00eb O'Neil-Li", rest="my_client.py"),
        ),
        (
            "A_1_assignsubmission_file_B_2_assignsubmission_file_x.py",
            CourseFileName(id="1", name="A", rest="B_2_assignsubmission_file_x.py"),
        ),
        (
            "Jane_1_assignsubmission_onlinetext_",
            CourseFileName(id="1", name="Jane", rest="", is_text=True),
        ),
        (
            "doejane_12_345_client.py",
            CourseFileName(id="12", name="doejane", rest="client.py", order=345, is_numbered=True),
        ),
        (
            "doejane_LATE_12_345_my_client-2.py",
            CourseFileName(
                id="12", name="doejane", rest="my_client-2.py", order=345, is_numbered=True
            ),
        ),
        (
            "\u202e_12_345_x.py",
            CourseFileName(id="12", name="12", rest="x.py", order=345, is_numbered=True),
        ),
        ("jane_doe", None),
        ("jane_1_client.py", None),
        ("client.py", None),
        ("Jane_x_assignsubmission_file_", None),
        ("Jane_1_assignfeedback_file_", None),
    ],
)
def test_names_of_course_systems(name: str, expected: CourseFileName | None) -> None:
    assert parse_course_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jane", "jane"),
        ("Jane  Doe", "Jane_Doe"),
        ("Zo\u00eb", "Zoe"),
        ("jane@school.edu", "jane@school.edu"),
        ("\u674e", "id-c16667ca"),
        ("..", "id-5ec1f7e7"),
        (".", "id-cdb4ee2a"),
        ("", "id-e3b0c442"),
        ("-rf", "rf-"),
        ("a/../b", "a-..-b-"),
    ],
)
def test_ids(name: str, expected: str) -> None:
    assert student_id(name).startswith(expected)
    assert SAFE.fullmatch(student_id(name))


@given(st.text())
@example("..")
@example("\ud800")
@example("a" * 81)
def test_every_id_is_safe(name: str) -> None:
    made = student_id(name)
    assert SAFE.fullmatch(made)
    assert made not in (".", "..")
    assert made[0] not in ".-"


def test_names_that_lose_letters_keep_apart() -> None:
    assert (
        len({student_id(name) for name in ["\u674e", "\u738b", "a" * 81, "a" * 82, "\u674e.", "-"]})
        == 6
    )


@given(st.text())
@example("Jane\u202e\u2066\x1b[2J\nDoe")
def test_names_have_nothing_that_controls(name: str) -> None:
    cleaned = clean_name(name)
    kinds = {unicodedata.category(char) for char in cleaned}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert cleaned == cleaned.strip()


def test_names_keep_what_people_write() -> None:
    assert (
        clean_name(" Zo\u00eb \t O'Neil-\u674e \U0001f600") == "Zo\u00eb O'Neil-\u674e \U0001f600"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jane.tar.gz", "jane"),
        ("jane.doe.zip", "jane.doe"),
        ("jane.py", "jane"),
        (".zip", ".zip"),
        ("jane", "jane"),
    ],
)
def test_suffixes(name: str, expected: str) -> None:
    assert without_suffix(name) == expected
