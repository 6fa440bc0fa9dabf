"""What GitHub Actions is told of a run."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from labctl.errors import EngineError
from labctl.model.result import Result
from labctl.report.documents import github
from labctl.report.documents.github import LIMIT, workflow_command
from labctl.report.documents.step_summary import LIMIT as SUMMARY_LIMIT
from labctl.report.documents.step_summary import step_summary
from labctl.report.markdown import code_block, code_element, escape_as_references
from labctl.results.attempt import lab_error_result
from labctl.text import escape_control
from tests.unit.judge.samples import interpreter, planned
from tests.unit.report.documents.results import (
    NASTY,
    broken,
    everything,
    failed,
    nasty,
    passed,
    run,
    scenario,
    shown,
    unproven,
)
from tests.unit.report.documents.runner import Command, commands

ANY_TEXT = st.text(st.characters(), max_size=60)
MARKUP = st.text("`~|<>*_[]()!#&\\\n -:/w.@$ab", max_size=40)
TAG = re.compile("<[^>]*>")
INJECTIONS = [
    NASTY,
    "\n::set-output name=a::b",
    "\r::add-mask::pass",
    "::stop-commands::x",
    "##[add-mask]pass",
    "a,line=1::error::",
    "%0A::add-mask::x",
    "\u2028::add-mask::x",
    "\x85::add-mask::x",
]


def annotated(result: Result, root: str = "/repo") -> list[Command]:
    text = github.annotations(result, root=root)
    found = commands(text)
    assert text == "" or text.endswith("\n")
    assert len(found) == text.count("\n")
    return found


def many(number: int) -> list[Result]:
    """Failures at as many lines, then evidence that is missing as often."""
    names = [f"s{n}" for n in range(number)]
    return [
        run(*(failed(scenario=name) for name in names)),
        run(*(unproven(scenario=name) for name in names)),
    ]


def test_what_failed_broke_or_is_unproven_is_annotated_the_worst_first() -> None:
    assert annotated(everything()) == [
        Command(
            "error",
            {
                "file": "scenarios/tcp/refused-port.yaml",
                "title": "the lab broke, 1 attempt not made: refused-port/asyncio on Python 3.13",
            },
            "service dns died:\n  no such file\nrun labctl doctor",
        ),
        Command(
            "error",
            {
                "file": "scenarios/tcp/refused-port.yaml",
                "line": "12",
                "title": "fail: refused-port/smtplib on Python 3.9",
            },
            "expected errno to be 5, but it was ECONNREFUSED (111)\n"
            "in the stack, expected smtplib:SMTP.connet, but smtplib:SMTP.connect is there\n"
            "The port refused.",
        ),
        Command(
            "warning",
            {
                "file": "scenarios/tcp/refused-port.yaml",
                "line": "30",
                "title": "inconclusive: refused-port/socket on Python 3.13",
            },
            "the packets were not captured, so nobody can say what was on the wire",
        ),
    ]


def test_where_all_went_well_there_is_nothing_to_say() -> None:
    assert github.annotations(run(passed(), shown()), root="/repo") == ""


def test_a_command_is_written_as_github_wants_it() -> None:
    made = failed(client="50%, a:b.py").model_copy(
        update={"reasons": ("100%: a, b\r\nc",), "because": ""}
    )
    assert github.annotations(run(made), root="/repo") == (
        "::error file=scenarios/tcp/refused-port.yaml,line=12,"
        "title=fail%3A refused-port/smtplib (50%25%2C a%3Ab.py) on Python 3.9::"
        "100%25: a, b%0Ac\n"
    )


@given(st.text("%:,=#[]\r\nAD025 "), st.text("%:,=\r\nAD025", min_size=1))
def test_a_runner_reads_a_command_as_it_was_meant(message: str, title: str) -> None:
    written = workflow_command("notice", message, file="a", title=title)
    assert "\r" not in written
    assert commands(written) == [Command("notice", {"file": "a", "title": title}, message)]


def test_a_path_has_nothing_that_ends_a_line() -> None:
    made = run(failed(), scenarios={"refused-port": scenario(path="/repo/a\x85b.yaml")})
    (found,) = annotated(made)
    assert found.properties["file"] == "a\\x85b.yaml"


def test_the_same_failure_is_annotated_once_for_all_pythons_and_repeats() -> None:
    pythons = [interpreter("3.9.2"), interpreter("3.13.5")]
    made = [failed(interpreter=one, repeat=n) for one in pythons for n in (1, 2)]
    (found,) = annotated(run(*made))
    assert found.properties["title"] == "fail: refused-port/smtplib on Python 3.9, 3.13"


def test_what_broke_a_lab_is_annotated_once_for_all_its_attempts() -> None:
    names = [f"a{n}" for n in range(6)]
    (found,) = annotated(run(*(broken(attempt=name) for name in names)))
    assert found.properties["title"] == (
        "the lab broke, 6 attempts not made: refused-port/a0, refused-port/a1, refused-port/a2, "
        "refused-port/a3 and 2 more on Python 3.13"
    )


def test_of_many_failures_those_of_most_attempts_come_first() -> None:
    often = [failed(scenario="often", repeat=n) for n in (1, 2)]
    titles = [one.properties["title"] for one in annotated(run(failed(), *often))]
    assert titles == [
        "fail: often/smtplib on Python 3.9",
        "fail: refused-port/smtplib on Python 3.9",
    ]


@pytest.mark.parametrize("kind", [0, 1])
def test_as_many_are_annotated_as_github_shows(kind: int) -> None:
    assert len(annotated(many(LIMIT)[kind])) == LIMIT
    found = annotated(many(LIMIT + 5)[kind])
    assert len(found) == LIMIT
    assert found[-1].properties == {"title": "and 6 more"}
    assert found[-1].message == "6 more are in this step's log"


@pytest.mark.parametrize(
    ("path", "root", "file"),
    [
        ("/repo/a b/s.yaml", "/repo", "a b/s.yaml"),
        ("/repo/s.yaml", "/repo/", "s.yaml"),
        ("s.yaml", "/repo", "s.yaml"),
        ("/elsewhere/s.yaml", "/repo", None),
        ("/repository/s.yaml", "/repo", None),
        ("/repo/s.yaml", "", None),
        ("", "/repo", None),
    ],
)
def test_paths_are_those_of_the_repository(path: str, root: str, file: str | None) -> None:
    made = run(failed(), scenarios={"refused-port": scenario(path=path)})
    (found,) = annotated(made, root)
    assert found.properties.get("file") == file
    assert found.properties.get("line") == ("12" if file else None)


def test_long_messages_are_cut_to_what_github_takes() -> None:
    made = failed().model_copy(update={"reasons": ("x" * 3000, "y" * 3000)})
    (found,) = annotated(run(made))
    assert len(found.message) == 4000


def test_a_failure_without_a_reason_says_its_title() -> None:
    made = failed().model_copy(update={"reasons": (), "because": ""})
    (found,) = annotated(run(made))
    assert found.message == "fail: refused-port/smtplib on Python 3.9"


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_client_gives_the_runner_a_command(text: str) -> None:
    check_only_ours(text)


@given(st.one_of(ANY_TEXT, st.sampled_from(INJECTIONS).flatmap(lambda t: ANY_TEXT.map(t.__add__))))
@settings(max_examples=50)
def test_any_text_stays_in_its_annotation(text: str) -> None:
    check_only_ours(text)


def check_only_ours(text: str) -> None:
    (found,) = annotated(run(nasty(text)))
    assert found.name == "error"
    assert set(found.properties) == {"file", "line", "title"}
    assert found.properties["line"] == "12"


def parsed(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(markdown)


def rows(result: Result) -> list[list[str]]:
    """The cells of every table, as they are read."""
    found: list[list[str]] = []
    for token in parsed(step_summary(result)):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.level >= 4:
            found[-1].append(unescape(re.sub("</?code>", "", token.content)))
    return found


def fences(markdown: str) -> list[str]:
    return [token.content for token in parsed(markdown) if token.type == "fence"]


def test_a_summary_tells_how_each_python_did_and_what_did_not_go_well() -> None:
    assert rows(everything()) == [
        ["Python", "pass", "fail", "inconclusive", "error", "shown"],
        ["3.13.5", "1", "0", "1", "1", "1"],
        ["3.9.2", "0", "1", "0", "0", "0"],
        ["verdict", "scenario", "attempt", "Python", "times", "why"],
        ["error", "refused-port", "asyncio", "3.13", "1", "service dns died: and 2 more lines"],
        [
            "fail",
            "refused-port",
            "smtplib",
            "3.9",
            "1",
            "expected errno to be 5, but it was ECONNREFUSED (111) and 1 more line",
        ],
        [
            "inconclusive",
            "refused-port",
            "socket",
            "3.13",
            "1",
            "the packets were not captured, so nobody can say what was on the wire",
        ],
    ]


def test_the_headline_counts() -> None:
    text = step_summary(everything())
    assert text.startswith(
        "## labctl: 5 attempts: 1 pass, 1 fail, 1 inconclusive, 1 error, 1 shown\n\n| Python |"
    )
    assert text.endswith("\nMade with labctl <code>0.1.0</code> on <code>docker 20.10</code>.\n")


def test_where_all_went_well_a_summary_is_short() -> None:
    assert step_summary(run(passed())) == (
        """\
## labctl: 1 attempt: 1 pass

| Python | pass | fail | inconclusive | error |
| --- | --- | --- | --- | --- |
| <code>3.13.5</code> | 1 | 0 | 0 | 0 |

Made with labctl <code>0.1.0</code> on <code>docker 20.10</code>.
"""
    )


def test_a_run_of_nothing_says_so() -> None:
    assert step_summary(run()).startswith("## labctl: no attempts were made\n\n")
    assert rows(run()) == []


def test_an_interrupted_run_says_so() -> None:
    text = step_summary(run(passed(), interrupted=True))
    assert "\n\n**The run was interrupted: these are not all of its attempts.**\n\n" in text


def test_details_have_the_evidence_in_a_fence() -> None:
    text = step_summary(run(failed()))
    title = "<details><summary><code>fail: refused-port/smtplib on Python 3.9</code></summary>"
    assert f"\n{title}\n\n```text\nexpected errno" in text
    (fence,) = fences(text)
    assert "\n- smtplib:SMTP.connet\n+ smtplib:SMTP.connect\n" in fence
    assert fence.endswith("┤\nNot drawn: 1 packet.\n")


def test_long_evidence_is_cut() -> None:
    log = "\n".join(f"{number} " + "x" * 1000 for number in range(300))
    (fence,) = fences(step_summary(run(lab_error_result(planned(), EngineError(log)))))
    lines = fence.splitlines()
    assert len(lines) == 201
    assert lines[-1] == "(100 more lines)"
    assert max(map(len, lines)) == 400


def test_a_summary_is_never_longer_than_github_takes() -> None:
    reasons = ("\U0001f4a5" * 1000,) * 8
    one = failed().model_copy(update={"reasons": reasons})
    made = [one.model_copy(update={"scenario": f"s{n}"}) for n in range(2000)]
    text = step_summary(run(*made))
    assert len(text.encode()) <= SUMMARY_LIMIT < 2**20
    details = text.count("<details>")
    assert details > 50
    listed = len(re.findall(r"^\| fail \|", text, re.MULTILINE))
    assert 20 < listed < 2000
    assert (
        f"\n{2000 - listed} more did not go as they should. The run's result has them all.\n"
        in (text)
    )
    assert (
        f"\nThe details of {2000 - details} are left out, as GitHub takes no more than 1 MiB. The "
        "run's result has them.\n"
    ) in text


@pytest.mark.parametrize("text", [NASTY, "````", "~~~", "</code>", "|", "\\|", "http://a.b", "  a"])
def test_nothing_of_a_client_is_markup(text: str) -> None:
    check_text_is_text(text)


@given(ANY_TEXT)
def test_no_text_is_markup(text: str) -> None:
    check_text_is_text(text)


@given(MARKUP)
def test_not_even_what_is_made_of_nothing_else(text: str) -> None:
    check_text_is_text(text)


def check_text_is_text(text: str) -> None:
    found = parsed(f"a {escape_as_references(text)} b\n")
    assert [token.type for token in found] == ["paragraph_open", "inline", "paragraph_close"]
    children = found[1].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == f"a {escape_control(text)} b"


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_client_adds_nothing_to_a_summary(text: str) -> None:
    check_summary(text)


@given(st.one_of(ANY_TEXT, MARKUP))
@settings(max_examples=30)
def test_no_client_adds_anything_to_a_summary(text: str) -> None:
    check_summary(text)


def check_summary(text: str) -> None:
    """It has the elements that one of `x` has."""
    assert elements(text) == elements("x")


def elements(text: str) -> list[tuple[str, ...]]:
    found = []
    for token in parsed(step_summary(run(nasty(text)))):
        html = [one.content for one in token.children or () if one.type == "html_inline"]
        if token.type == "html_block":
            html = TAG.findall(token.content)
        found.append((token.type, *html))
    return found


def test_addresses_do_not_become_links() -> None:
    assert escape_as_references("see https://a.b, www.c.d and e@f.g") == (
        "see https&#58;//a.b, www&#46;c.d and e&#64;f.g"
    )


def test_code_is_of_the_same_text() -> None:
    assert code_element("a:x:b<") == "<code>a:x:b&#60;</code>"


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert code_block("a\n````\nb") == "`````text\na\n````\nb\n`````"
