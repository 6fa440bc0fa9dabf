"""The rules of `checks:`, each a function: whether it holds, and what was expected and seen."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from labctl.judge.exceptions import clip
from labctl.judge.forgery import doubts
from labctl.judge.served import fits
from labctl.judge.verdict import ending, judge
from labctl.mark.seen import Seen
from labctl.model.exercise import Check, Times, fill
from labctl.model.expectation import Expectation
from labctl.model.flows import wire_line
from labctl.model.result import Outcome, Verdict
from labctl.model.served import parse_served

_SHORTEST = 4
"""Bytes of a part of the secret that count as the secret where base64 hides its ends."""

UNSEEN = "more was sent than could be looked at"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`doubt` says in which way the client's report can't be true; empty where it may be."""

    holds: bool
    expected: str
    actual: str
    doubt: str = ""


def apply(check: Check, seen: Seen) -> Finding:
    """What the check's rule finds."""
    return RULES[check.rule](check, seen)


def _stdout(check: Check, seen: Seen) -> Finding:
    wanted, said = _filled(check.stdout, seen).strip(), seen.observation.stdout.strip()
    expected = f"it prints {wanted!r}, and nothing else"
    actual = f"it printed {clip(repr(said))}" if said else "it printed nothing"
    return Finding(holds=said == wanted, expected=expected, actual=actual)


def _exit(check: Check, seen: Seen) -> Finding:
    observation = seen.observation
    code = observation.exit
    actual = f"it exited with {code}" if code is not None else ending(observation)
    return Finding(holds=code == check.exit, expected=f"it exits with {check.exit}", actual=actual)


def _exception(check: Check, seen: Seen) -> Finding:
    expectation = Expectation(raises=check.raises, isa=check.isa)
    doubt = next((one.message for one in doubts(expectation, seen.observation)), "")
    name = check.raises or f"a kind of {check.isa}"
    holds = judge(expectation, seen.observation).verdict is Verdict.PASS
    return Finding(
        holds=holds, expected=f"it raises {name}", actual=ending(seen.observation), doubt=doubt
    )


def _returns(check: Check, seen: Seen) -> Finding:
    wanted = _filled(check.returns, seen)
    verdict = judge(Expectation(returns=wanted), seen.observation).verdict
    return Finding(
        holds=verdict is Verdict.PASS,
        expected=f"it returns {wanted}",
        actual=ending(seen.observation),
    )


def _elapsed(check: Check, seen: Seen) -> Finding:
    bounds, took = check.elapsed, seen.took_s
    least = bounds.min if bounds and bounds.min is not None else 0.0
    most = bounds.max if bounds and bounds.max is not None else float("inf")
    words = [f"at least {least:g} s"] if least else []
    words += [f"at most {most:g} s"] if most < float("inf") else []
    over = seen.observation.outcome is not Outcome.TIMED_OUT
    return Finding(
        holds=over and least <= took <= most,
        expected=f"it takes {' and '.join(words)}",
        actual=f"it took {took:.1f} s" if over else f"it was still running after {took:.1f} s",
    )


def _served(check: Check, seen: Seen) -> Finding:
    line = _filled(check.served, seen)
    parsed = parse_served(line)
    number = sum(fits(parsed, event) for event in seen.served())
    return _counted(check.times, number, f"the server saw “{line}”", seen)


def _wire(check: Check, seen: Seen) -> Finding:
    line = _filled(check.wire, seen).lower()
    number = sum(wire_line(flow).lower() == line for flow in seen.own_flows())
    return _counted(check.times, number, f"on the wire there is “{line}”", seen)


def _tries(check: Check, seen: Seen) -> Finding:
    return _counted(check.tries, len(seen.connections()), "it connects to the target", seen)


def _again_after(check: Check, seen: Seen) -> Finding:
    ends = [flow.outcome for flow in seen.connections()]
    holds = check.again_after in ends[:-1] and not seen.lost
    actual = f"its connections: {', '.join(ends)}" if ends else "it made no connection"
    return Finding(
        holds=holds,
        expected=f"it tries again after a connection that was {check.again_after}",
        actual=actual,
    )


def _secret(check: Check, seen: Seen) -> Finding:
    secret = _filled(check.secret, seen).encode()
    found = any(_holds_secret(sent, secret) for sent in seen.sent())
    unknown = seen.lost or seen.cut
    actual = "it was on the wire, for all to read" if found else "it was not on the wire"
    if unknown and not found:
        actual = UNSEEN
    return Finding(
        holds=not (found or unknown),
        expected="the password does not go over the wire in the clear",
        actual=actual,
    )


def _holds_secret(sent: bytes, secret: bytes) -> bool:
    """As it is, or in base64, be that in lines."""
    unbroken = sent.translate(None, b"\r\n")
    return secret in sent or any(form in unbroken for form in _encoded(secret))


def _encoded(secret: bytes) -> list[bytes]:
    """What of the secret is sure to be there in base64, wherever in a text it stands: its first
    and last characters depend on what is around them.
    """
    found = []
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        start = (0, 2, 3)[shift]
        end = len(padded) - (1 if (shift + len(secret)) % 3 else 0)
        found.append(padded[start:end])
    return [one for one in found if len(one) >= _SHORTEST]


def _counted(times: Times | None, number: int, what: str, seen: Seen) -> Finding:
    wanted = times or Times()
    most = wanted.max if wanted.max is not None else float("inf")
    holds = wanted.min <= number <= most and not seen.lost
    actual = UNSEEN if seen.lost else _times(number)
    return Finding(holds=holds, expected=f"{what} {_bounds(wanted)}", actual=actual)


def _bounds(times: Times) -> str:
    if times.max is None:
        return "at least once" if times.min == 1 else f"at least {times.min} times"
    if times.min == times.max:
        return {0: "never", 1: "exactly once"}.get(times.min, f"exactly {times.min} times")
    if times.min == 0:
        return "at most once" if times.max == 1 else f"at most {times.max} times"
    return f"{times.min} to {times.max} times"


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _filled(text: str | None, seen: Seen) -> str:
    return fill(text or "", seen.places)


RULES: dict[str, Callable[[Check, Seen], Finding]] = {
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
