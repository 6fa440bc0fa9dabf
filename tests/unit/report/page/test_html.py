"""The page without its scripts: the summary, the list, and what keeps others out."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

import labctl.report.documents.page as module
from labctl.model.result import EngineInfo, ImageInfo, Request, Result
from labctl.report.documents.page import run_page
from labctl.report.documents.page.data import DetailLimits
from labctl.report.documents.page.header import duration_text, headline
from tests.unit.report.page.reading import Elements, data_of, elements_of
from tests.unit.report.page.samples import (
    HOSTILE,
    broken,
    failing,
    hostile,
    killed,
    many,
    passing,
    run,
    shown,
    unproven,
)


def words(result: Result) -> str:
    """What the page says without scripts."""
    body = run_page(result, "").partition("<body>")[2].partition("<script")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


@pytest.mark.parametrize(
    ("attempts", "wanted"),
    [
        ((), "No attempts were made"),
        ((passing(),), "The attempt passed"),
        ((passing(),) * 1200, "All 1,200 attempts passed"),
        ((passing(), shown()), "1 of 2 attempts passed, none failed"),
        ((passing(), failing(), failing()), "Of 3 attempts, 2 failed"),
        (
            (passing(), failing(), broken(), unproven()),
            "Of 4 attempts, 1 could not be made, 1 failed, 1 inconclusive",
        ),
    ],
)
def test_the_headline(attempts: tuple[Any, ...], wanted: str) -> None:
    result = run(*attempts)
    assert headline(result) == wanted
    assert f"<title>{wanted} · labctl</title>" in run_page(result, "")


def test_the_list_tells_every_verdict_with_its_first_reason() -> None:
    text = words(run(passing(), failing(), killed(), unproven(), broken(), shown(repeat=2)))
    listed = text.partition("no details.")[2]
    assert listed.split(" No attempt fits.")[0].strip() == (
        "! error refused-port/smtplib 3.13.5 service dns died: "
        "✘ fail refused-port/smtplib 3.13.5 TimeoutError: timed out 5.00 s "
        "expected ConnectionRefusedError, but TimeoutError was raised (and 2 more) "
        "✘ fail refused-port/smtplib 3.13.5 killed (SIGKILL) 0.20 s "
        "expected ConnectionRefusedError, but the client was killed (SIGKILL) "
        "? inconclusive refused-port/smtplib 3.13.5 ConnectionRefusedError: Connection refused "
        "0.04 s 3 packets were too many for the capture, so nobody can say what was on the wire "
        "· shown refused-port/my.py #2 3.13.5 returned {&#x27;status&#x27;: 200} 0.50 s "
        "✔ pass refused-port/smtplib 3.13.5 ConnectionRefusedError: Connection refused 0.04 s"
    )


def test_the_summary() -> None:
    image = ImageInfo(
        id="sha256:0123456789abcdef", origin="host", python="3.13.5", packages={"httpx": "0.28"}
    )
    result = run(
        *(passing(repeat=n) for n in (1, 2)),
        failing(),
        images={"labctl/client:3.13-libs": image},
        request=Request(jobs=8, timeout_s=2.5, client="my.py", shard="2/5", fail_fast=True),
        engine=EngineInfo(name="docker", version="29.1"),
    )
    text = words(result).partition(" Attempts ")[0]
    assert text == (
        "labctl 0.1.0 · 27 November 2026, 20:50 UTC · 4 min 12 s Of 3 attempts, 1 failed "
        "! error 0 ✘ fail 1 ? inconclusive 0 ✔ pass 2 "
        "By Python Python fail pass 3.13 1 2 By layer Layer fail pass tcp 1 2 "
        "Made with labctl 0.1.0 Engine docker 29.1 "
        "Asked for 8 jobs, 2.5 s a client, 2 times each, until the first failure "
        "Client my.py Shard 2/5 "
        "1 image labctl/client:3.13-libs from host, Python 3.13.5, sha256:0123456789ab, httpx 0.28"
    )


def test_an_interrupted_run_says_so() -> None:
    said = "The run was interrupted: these are not all of its attempts."
    assert said in words(run(passing(), interrupted=True))
    assert said not in words(run(passing()))
    fast = run(passing(), failing(), interrupted=True, request=Request(fail_fast=True))
    assert "The run ended with its first failure: these are not all of its attempts." in words(fast)
    stopped = run(passing(), interrupted=True, request=Request(fail_fast=True))
    assert said in words(stopped)


def test_what_was_not_judged_is_counted() -> None:
    one = passing().model_copy(update={"not_judged": ("wire", "served")})
    text = words(run(one, one, passing()))
    assert (
        "Not judged: the wire in 2 of 3 attempts; the servers&#x27; events in 2 of 3 attempts."
    ) in text


def test_numbers_lead_to_what_they_count() -> None:
    links = elements_of(run(passing(), failing())).links
    assert "#verdict=fail&python=3.13" in links
    assert "#verdict=pass&layer=tcp" in links
    assert "#verdict=error" in links


def test_without_layers_there_is_no_table_of_them() -> None:
    text = words(run(passing(), scenarios={}))
    assert "By Python" in text
    assert "By layer" not in text


@pytest.mark.parametrize("started", [0.0, -1e300, 1e300, float("nan"), float("inf")])
def test_a_time_that_is_none_is_left_out(started: float) -> None:
    assert "labctl 0.1.0 · 4 min 12 s" in words(run(passing(), started=started))


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (12.34, "12.3 s"),
        (252.4, "4 min 12 s"),
        (7384, "2 h 3 min"),
        (-1, "unknown"),
        (float("nan"), "unknown"),
        (float("inf"), "unknown"),
    ],
)
def test_durations(seconds: float, wanted: str) -> None:
    assert duration_text(seconds) == wanted


def test_only_its_own_scripts_and_styles_may_run() -> None:
    text = run_page(run(passing()), "")
    policy = re.search(r'Security-Policy" content="([^"]+)"', text)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))

    def hashes(element: str) -> set[str]:
        found = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digests = (hashlib.sha256(one.encode()).digest() for one in found)
        return {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}

    assert rules == {
        "default-src": "'none'",
        "style-src": " ".join(hashes("style")),
        "script-src": rules["script-src"],
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert set(rules["script-src"].split()) == hashes("script")
    assert len(hashes("script")) == 2


def test_whatever_anyone_says_is_a_text() -> None:
    plain, evil = elements_of(run(hostile("x"))), elements_of(run(hostile("".join(HOSTILE))))
    assert evil.elements == plain.elements
    assert evil.attributes == plain.attributes
    assert not [name for name in evil.attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_anyone_says_can_be_written_and_read(text: str) -> None:
    written = run_page(run(hostile(text)), "").encode()
    assert not set(written) & {*range(32), 127} - {ord("\n")}
    assert len(data_of(written.decode())["attempts"]) == 1


def test_links_lead_nowhere_else() -> None:
    found = elements_of(run(passing(), failing(), hostile("javascript:alert(1)")))
    assert {link.partition(",")[0] for link in found.links if not link.startswith("#")} == {
        "data:image/svg+xml"
    }


@pytest.mark.parametrize("bad", [24, 600])
def test_1200_attempts_are_less_than_5_mb(bad: int) -> None:
    text = run_page(many(1200, bad), "")
    assert len(text.encode()) < 2_000_000
    assert len(data_of(text)["attempts"]) == 1200


def test_what_is_too_much_is_told_in_less_words(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = failing().model_copy(update={"stdout": ""})
    result = run(*(noisy,) * 40)
    whole = run_page(result, "")
    monkeypatch.setattr(module, "LIMIT", len(whole.encode()))
    less = run_page(result, "")
    assert len(less) < len(whole)
    assert len(data_of(less)["attempts"]) == 40


def test_what_is_too_much_for_any_page_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = DetailLimits(text=80, output=0, passed=0, rows=0, attempts=2)
    monkeypatch.setattr(module, "_DEPTHS", (depth,))
    text = run_page(run(passing(), passing(), failing()), "")
    assert Elements(text).elements.count("summary") == 2 + 1
    assert [one["verdict"] for one in data_of(text)["attempts"]] == [1, 4]
    assert (
        "Not listed: 1 attempt too many for a page; the result document has all of them. Of these "
        "here, the worst come first."
    ) in text


def test_however_much_is_said_the_page_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = (
        failing().model_copy(update={"reasons": (f"{n}{'x' * 5000}",) * 30, "python": f"3.{n}"})
        for n in range(8)
    )
    limit = len(run_page(run(), "").encode()) + 8_000
    monkeypatch.setattr(module, "LIMIT", limit)
    text = run_page(run(*loud), "")
    assert len(text.encode()) < limit
    assert 0 < len(data_of(text)["attempts"]) < 8
    monkeypatch.setattr(module, "LIMIT", 1)
    assert data_of(run_page(run(passing()), ""))["attempts"] == []


def test_the_same_result_gives_the_same_page() -> None:
    result = many(30)
    assert run_page(result, "out") == run_page(result, "out")
