"""A run as JUnit XML: a suite for each scenario, a case for each attempt.

`inconclusive` is a failure of that type: evidence is missing, so nobody can say that it passed. An
attempt of which nothing was expected is a passed case with a property that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from labctl.model.result import AttemptResult, Result, Verdict
from labctl.report.documents.evidence import evidence_lines
from labctl.report.documents.names import case_name, source_line, suite_name
from labctl.report.wording import verdict_word
from labctl.text import clip, escape_control, escape_lines

_MESSAGE = 500
"""Characters of an attribute that says why; the element's text has it whole."""
_ATTACHMENT = re.compile(r"\[(\[ATTACHMENT\|)", re.IGNORECASE)
"""Jenkins and GitLab take this in a text for the name of a file to publish."""


def junit(result: Result) -> str:
    """Return the JUnit document, ending in a newline. Its times are those that containers ran, in
    seconds.
    """
    root = ET.Element("testsuites", {"name": "labctl", **_counts(result.attempts)})
    for scenario in dict.fromkeys(one.scenario for one in result.attempts):
        own = [one for one in result.attempts if one.scenario == scenario]
        root.append(_suite(result, scenario, own))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(result: Result, scenario: str, attempts: Sequence[AttemptResult]) -> ET.Element:
    """Return a scenario's attempts as a JUnit test suite."""
    name = suite_name(result, scenario)
    suite = ET.Element("testsuite", {"name": name, **_counts(attempts)})
    if result.started:
        started = datetime.fromtimestamp(result.started, UTC)
        suite.set("timestamp", started.strftime("%Y-%m-%dT%H:%M:%S"))
    suite.append(_properties(_of_run(result, attempts)))
    suite.extend(_case(result, one) for one in attempts)
    return suite


def _counts(attempts: Sequence[AttemptResult]) -> dict[str, str]:
    """Return the counts of a test suite, by verdict."""
    verdicts = [one.verdict for one in attempts]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count(Verdict.FAIL) + verdicts.count(Verdict.INCONCLUSIVE)),
        "errors": str(verdicts.count(Verdict.ERROR)),
        "skipped": "0",
        "time": _seconds(sum(map(_took, attempts))),
    }


def _took(attempt: AttemptResult) -> float:
    """Return the seconds that an attempt took."""
    return attempt.took_s or attempt.elapsed_s


def _seconds(value: float) -> str:
    """Return seconds with three decimals."""
    return f"{value:.3f}"


def _of_run(result: Result, attempts: Sequence[AttemptResult]) -> Iterable[tuple[str, str]]:
    """Yield the properties of a run: versions, engine, and the images that the attempts ran in."""
    pythons = {"", *(one.python for one in attempts)}
    yield "labctl.version", result.labctl
    yield "labctl.engine", f"{result.engine.name} {result.engine.version}"
    if result.engine.kernel:
        yield "labctl.kernel", f"{result.engine.kernel} {result.engine.architecture}".rstrip()
    for name, image in result.images.items():
        if image.python in pythons:
            yield f"labctl.image.{name}", f"{image.id} ({image.origin})"
    if result.request.shard:
        yield "labctl.shard", result.request.shard
    if result.interrupted:
        yield "labctl.interrupted", "true"


def _case(result: Result, attempt: AttemptResult) -> ET.Element:
    """Return an attempt as a JUnit test case."""
    name = suite_name(result, attempt.scenario)
    case = ET.Element("testcase", classname=name, name=case_name(attempt))
    case.set("time", _seconds(_took(attempt)))
    where = source_line(result, attempt)
    if where.path:
        case.set("file", _attribute(where.path))
    if where.line:
        case.set("line", str(where.line))
    case.append(_properties(_of_attempt(attempt)))
    case.extend(_trouble(attempt))
    case.extend(_output(attempt))
    return case


def _of_attempt(attempt: AttemptResult) -> Iterable[tuple[str, str]]:
    """Yield the properties of an attempt."""
    yield "labctl.verdict", verdict_word(attempt.verdict)
    if attempt.verdict is None:
        yield "labctl.note", "nothing was expected of this client"
    for name, version in attempt.libraries.items():
        yield f"labctl.library.{name}", version
    if attempt.not_judged:
        yield "labctl.not_judged", ", ".join(attempt.not_judged)
    if attempt.capture:
        yield "labctl.capture", attempt.capture


def _trouble(attempt: AttemptResult) -> Iterable[ET.Element]:
    """Yield the element that says why an attempt did not pass, if it did not."""
    if attempt.verdict in (Verdict.PASS, None):
        return
    broken = attempt.verdict is Verdict.ERROR
    element = ET.Element("error" if broken else "failure")
    element.set("type", _attribute(_type(attempt)))
    element.set("message", clip(_message(attempt), _MESSAGE))
    element.text = _text(evidence_lines(attempt))
    yield element


def _message(attempt: AttemptResult) -> str:
    """Return the reasons on one line. Some contain a service's log, which has many."""
    return escape_control("; ".join(" ".join(reason.split()) for reason in attempt.reasons))


def _type(attempt: AttemptResult) -> str:
    """Return the type of a failure: what differs first, or `lab`."""
    if attempt.verdict is Verdict.FAIL and attempt.differences:
        return attempt.differences[0].what
    return "lab" if attempt.verdict is Verdict.ERROR else verdict_word(attempt.verdict)


def _output(attempt: AttemptResult) -> Iterable[ET.Element]:
    """Yield elements with what the client printed."""
    seen = attempt.observed
    for tag, text in (("system-out", seen.stdout), ("system-err", seen.stderr)) if seen else ():
        if text:
            element = ET.Element(tag)
            element.text = _text(escape_lines(text))
            yield element


def _properties(pairs: Iterable[tuple[str, str]]) -> ET.Element:
    """Return an element of properties."""
    element = ET.Element("properties")
    for name, value in pairs:
        ET.SubElement(element, "property", name=_attribute(name), value=_attribute(value))
    return element


def _attribute(text: str) -> str:
    """Escape a text for an attribute, on one line: a reader would turn line breaks into spaces."""
    return escape_control(text)


def _text(lines: Iterable[str]) -> str:
    """Join lines, and take out anything that a reader would publish as a file."""
    return _ATTACHMENT.sub(r"[ \1", "\n".join(lines))
