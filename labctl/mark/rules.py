"""The rules of `checks:`. Each is a function that compares a run's evidence with a check."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from labctl.judge.exceptions import clip
from labctl.judge.forgery import doubts
from labctl.judge.served import fits
from labctl.judge.verdict import ending, judge
from labctl.mark.evidence import RunEvidence
from labctl.model.exercise import Check, Times, fill
from labctl.model.expectation import Expectation
from labctl.model.flows import wire_line
from labctl.model.result import Outcome, Verdict
from labctl.model.served import parse_served
from labctl.text import format_limit, format_took

_MIN_BASE64_LENGTH = 4
"""Characters of a base64 form of the secret that are enough to recognise it."""

_INCOMPLETE = "more was sent than could be looked at"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of a rule: whether the check holds, what it expects, and what was observed.

    `doubt` says why the client's report can't be true; it is empty if the report can be true.
    """

    holds: bool
    expected: str
    actual: str
    doubt: str = ""


def apply_rule(check: Check, evidence: RunEvidence) -> Finding:
    """Apply the check's rule to the evidence of a run, and return what it finds."""
    return RULES[check.rule](check, evidence)


def _stdout(check: Check, evidence: RunEvidence) -> Finding:
    """Compare what the program printed with the expected text."""
    text, stdout = _filled(check.stdout, evidence).strip(), evidence.observation.stdout.strip()
    expected = f"it prints {text!r}, and nothing else"
    actual = f"it printed {clip(repr(stdout))}" if stdout else "it printed nothing"
    return Finding(holds=stdout == text, expected=expected, actual=actual)


def _exit(check: Check, evidence: RunEvidence) -> Finding:
    """Compare the program's exit code with the expected one."""
    observation = evidence.observation
    code = observation.exit
    actual = f"it exited with {code}" if code is not None else ending(observation)
    return Finding(holds=code == check.exit, expected=f"it exits with {check.exit}", actual=actual)


def _exception(check: Check, evidence: RunEvidence) -> Finding:
    """Compare the program's exception with the expected one, and look for doubts about it."""
    expectation = Expectation(raises=check.raises, isa=check.isa)
    doubt = next((one.message for one in doubts(expectation, evidence.observation)), "")
    name = check.raises or f"a kind of {check.isa}"
    holds = judge(expectation, evidence.observation).verdict is Verdict.PASS
    return Finding(
        holds=holds, expected=f"it raises {name}", actual=ending(evidence.observation), doubt=doubt
    )


def _returns(check: Check, evidence: RunEvidence) -> Finding:
    """Compare the returned value with the expected one."""
    value = _filled(check.returns, evidence)
    verdict = judge(Expectation(returns=value), evidence.observation).verdict
    return Finding(
        holds=verdict is Verdict.PASS,
        expected=f"it returns {value}",
        actual=ending(evidence.observation),
    )


def _elapsed(check: Check, evidence: RunEvidence) -> Finding:
    """Compare the time the program took with its bounds."""
    bounds, took = check.elapsed, evidence.took_s
    least = bounds.min if bounds and bounds.min is not None else 0.0
    most = bounds.max if bounds and bounds.max is not None else float("inf")
    words = [f"at least {format_limit(least)}"] if least else []
    words += [f"at most {format_limit(most)}"] if most < float("inf") else []
    has_ended = evidence.observation.outcome is not Outcome.TIMED_OUT
    told = format_took(took, least, most)
    return Finding(
        holds=has_ended and least <= took <= most,
        expected=f"it takes {' and '.join(words)}",
        actual=f"it {'took' if has_ended else 'was still running after'} {told}",
    )


def _served(check: Check, evidence: RunEvidence) -> Finding:
    """Count the services' events that fit a line, and compare that with the expected number."""
    line = _filled(check.served, evidence)
    parsed = parse_served(line)
    number = sum(fits(parsed, event) for event in evidence.server_events())
    return _counted(check.times, number, f"the server saw “{line}”", evidence)


def _wire(check: Check, evidence: RunEvidence) -> Finding:
    """Count the flows that are as a line says, and compare that with the expected number."""
    line = _filled(check.wire, evidence).lower()
    number = sum(wire_line(flow).lower() == line for flow in evidence.client_flows())
    return _counted(check.times, number, f"on the wire there is “{line}”", evidence)


def _tries(check: Check, evidence: RunEvidence) -> Finding:
    """Count the connections to the target, and compare that with the expected number."""
    return _counted(check.tries, len(evidence.connections()), "it connects to the target", evidence)


def _again_after(check: Check, evidence: RunEvidence) -> Finding:
    """Find out whether the program connected again after a connection with this outcome."""
    ends = [flow.outcome for flow in evidence.connections()]
    holds = check.again_after in ends[:-1] and not evidence.is_incomplete
    actual = f"its connections: {', '.join(ends)}" if ends else "it made no connection"
    return Finding(
        holds=holds,
        expected=f"it tries again after a connection that was {check.again_after}",
        actual=actual,
    )


def _secret(check: Check, evidence: RunEvidence) -> Finding:
    """Find out whether the secret was sent in the clear. It does not hold if more was sent than was
    kept.
    """
    secret = _filled(check.secret, evidence).encode()
    is_on_wire = any(_contains_secret(sent, secret) for sent in evidence.sent_streams())
    is_unknown = evidence.is_incomplete or evidence.is_truncated
    actual = "it was on the wire, for all to read" if is_on_wire else "it was not on the wire"
    if is_unknown and not is_on_wire:
        actual = _INCOMPLETE
    return Finding(
        holds=not (is_on_wire or is_unknown),
        expected="the password does not go over the wire in the clear",
        actual=actual,
    )


def _contains_secret(sent: bytes, secret: bytes) -> bool:
    """Tell whether bytes contain a secret: as it is, or in base64, which may be split in lines."""
    unbroken = sent.translate(None, b"\r\n")
    return secret in sent or any(form in unbroken for form in _base64_forms(secret))


def _base64_forms(secret: bytes) -> list[bytes]:
    """Return the parts of the secret's base64 that do not depend on the text around it.

    There are three forms, one for each position of the secret in groups of three bytes.
    """
    forms = []
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        start = (0, 2, 3)[shift]
        end = len(padded) - (1 if (shift + len(secret)) % 3 else 0)
        forms.append(padded[start:end])
    return [one for one in forms if len(one) >= _MIN_BASE64_LENGTH]


def _counted(times: Times | None, number: int, what: str, evidence: RunEvidence) -> Finding:
    """Compare how often something happened with what `times` asks for. `what` says what happened,
    as a clause.
    """
    bounds = times or Times()
    most = bounds.max if bounds.max is not None else float("inf")
    holds = bounds.min <= number <= most and not evidence.is_incomplete
    actual = _INCOMPLETE if evidence.is_incomplete else _times_text(number)
    return Finding(holds=holds, expected=f"{what} {_bounds_text(bounds)}", actual=actual)


def _bounds_text(times: Times) -> str:
    """Return an expected number of times in words."""
    if times.max is None:
        return "at least once" if times.min == 1 else f"at least {times.min} times"
    if times.min == times.max:
        return {0: "never", 1: "exactly once"}.get(times.min, f"exactly {times.min} times")
    if times.min == 0:
        return "at most once" if times.max == 1 else f"at most {times.max} times"
    return f"{times.min} to {times.max} times"


def _times_text(number: int) -> str:
    """Return a counted number of times in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _filled(text: str | None, evidence: RunEvidence) -> str:
    """Return a check's text with its placeholders replaced by this lab's values."""
    return fill(text or "", evidence.placeholders)


RULES: dict[str, Callable[[Check, RunEvidence], Finding]] = {
    "stdout": _stdout,
    "exit": _exit,
    "raises": _exception,
    "isa": _exception,
    "returns": _returns,
    "elapsed": _elapsed,
    "served": _served,
    "wire": _wire,
    "tries": _tries,
    "again_after": _again_after,
    "secret": _secret,
}
