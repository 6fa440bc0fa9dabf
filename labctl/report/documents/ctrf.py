"""A run in the Common Test Report Format, 0.1.0: https://ctrf.io/docs/specification/overview

Every attempt is a test of its own. Repeats are no retries, which are what a runner does after a
failure: labctl makes all of them, and each counts. Its verdict stands in `rawStatus`:

- `fail` and `inconclusive` are `failed`.
- `error` is `other`: the lab broke, and nobody can say what the client would have met.
- `shown` is `other` too: nothing was expected, so that it passed nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from labctl.model.result import AttemptResult, Key, Result, Verdict
from labctl.report.documents.evidence import observation_lines, reason_lines
from labctl.report.documents.names import case_name, source_line
from labctl.report.wording import outcome_line, verdict_word
from labctl.results.summary import group_repeats
from labctl.text import escape_control, escape_lines

_VERSION = "0.1.0"
_STATUSES = ("passed", "failed", "skipped", "pending", "other")
_STATUS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "failed",
    Verdict.ERROR: "other",
    None: "other",
}
_PCAPNG = "application/x-pcapng"

_Object = dict[str, Any]


def ctrf(result: Result) -> str:
    """Return the CTRF document, ending in a newline. All its times are whole milliseconds."""
    flaky = _flaky(result)
    tests = [_test(result, one, one.key in flaky) for one in result.attempts]
    document: _Object = {
        "reportFormat": "CTRF",
        "specVersion": _VERSION,
        "generatedBy": escape_control(f"labctl {result.labctl}"),
        "results": {
            "tool": {"name": "labctl", "version": escape_control(result.labctl)},
            "summary": _summary(result, tests),
            "tests": tests,
            "environment": _environment(result),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(result: Result, tests: list[_Object]) -> _Object:
    """Return the summary of a CTRF report."""
    counts = Counter(test["status"] for test in tests)
    start, duration = _milliseconds(result.started), _milliseconds(result.took_s)
    return {
        "tests": len(tests),
        **{status: counts[status] for status in _STATUSES},
        "flaky": sum(test.get("flaky", False) for test in tests),
        "suites": len({one.scenario for one in result.attempts}),
        "start": start,
        "stop": start + duration,
        "duration": duration,
    }


def _milliseconds(seconds: float) -> int:
    """Return seconds as whole milliseconds."""
    return round(seconds * 1000)


def _environment(result: Result) -> _Object:
    """Return the environment of a CTRF report: engine and images."""
    engine = result.engine
    images = {
        escape_control(name): {
            "id": escape_control(image.id),
            "origin": escape_control(image.origin),
        }
        for name, image in result.images.items()
    }
    environment: _Object = {
        "osPlatform": "linux",
        "osRelease": escape_control(engine.kernel),
        "shardId": escape_control(result.request.shard),
        "extra": {
            "labctl/run": {
                "engine": escape_control(f"{engine.name} {engine.version}"),
                "architecture": escape_control(engine.architecture),
                "images": images,
                "interrupted": result.interrupted,
            }
        },
    }
    return _without_empty(environment)


def _test(result: Result, attempt: AttemptResult, flaky: bool) -> _Object:
    """Return an attempt as a CTRF test."""
    where = source_line(result, attempt)
    optional: _Object = {
        "suite": _suite(result, attempt),
        "filePath": escape_control(where.path),
        "line": where.line,
        "tags": _tags(result, attempt),
        "labels": dict(_labels(attempt)),
        "flaky": flaky,
        **_told(attempt),
    }
    return {
        "name": case_name(attempt),
        "status": _STATUS[attempt.verdict],
        "rawStatus": verdict_word(attempt.verdict),
        "duration": _milliseconds(attempt.took_s or attempt.elapsed_s),
        **_without_empty(optional),
        "extra": {"labctl/attempt": _extra(attempt)},
    }


def _suite(result: Result, attempt: AttemptResult) -> list[str]:
    """Return the names of the suites that an attempt is in: layer and scenario."""
    info = result.scenarios.get(attempt.scenario)
    return [escape_control(name) for name in (info.layer if info else "", attempt.scenario) if name]


def _tags(result: Result, attempt: AttemptResult) -> list[str]:
    """Return the tags of an attempt's scenario."""
    info = result.scenarios.get(attempt.scenario)
    return [escape_control(tag) for tag in info.tags] if info else []


def _labels(attempt: AttemptResult) -> Iterator[tuple[str, str | list[str]]]:
    """Yield an attempt's labels: Python, client and libraries."""
    yield "python", escape_control(attempt.python)
    if attempt.client:
        yield "client", escape_control(attempt.client)
    if attempt.libraries:
        yield "libraries", [escape_control(f"{name} {v}") for name, v in attempt.libraries.items()]


def _told(attempt: AttemptResult) -> _Object:
    """Return what an attempt's test tells: reasons, output, packets, and a trace if it did not
    pass.
    """
    seen, passed = attempt.observed, attempt.verdict is Verdict.PASS
    told: _Object = {
        "message": "\n".join(reason_lines(attempt)) or outcome_line(attempt),
        "trace": "" if passed else "\n".join(observation_lines(attempt)),
    }
    if attempt.capture:
        file = {"name": "packets", "contentType": _PCAPNG, "path": escape_control(attempt.capture)}
        told["attachments"] = [file]
    for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr)) if seen else ():
        told[name] = escape_lines(text.rstrip("\n")) if text else []
    return told


def _extra(attempt: AttemptResult) -> _Object:
    """Return what CTRF has no field for: repeat, explanation and differences."""
    extra: _Object = {
        "repeat": attempt.repeat,
        "because": escape_control(attempt.because),
        "not_judged": [escape_control(key) for key in attempt.not_judged],
        "differences": [
            {key: _lines(getattr(one, key)) for key in ("what", "expected", "actual")}
            for one in attempt.differences
        ],
    }
    return _without_empty(extra)


def _lines(text: str) -> str:
    """Return a text with its control characters escaped, line by line."""
    return "\n".join(escape_lines(text))


def _without_empty(members: _Object) -> _Object:
    """Return the members that say something. Many readers show an empty text as a heading with
    nothing below.
    """
    return {key: value for key, value in members.items() if value not in ("", [], {}, 0, False)}


def _flaky(result: Result) -> set[Key]:
    """Return the keys of attempts that passed while others of their repeats failed, which is what
    the format calls flaky.
    """
    found: set[Key] = set()
    for group in group_repeats(result.attempts):
        members = (*group.usual, *group.others)
        if any(_STATUS[one.verdict] == "failed" for one in members):
            found |= {one.key for one in members if one.verdict is Verdict.PASS}
    return found
