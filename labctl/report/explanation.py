"""Which scenarios produce an exception (`labctl explain`), as text and as JSON.

This module does without rich, whose import takes long: the answer should be there at once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from labctl.explain.numbers import symbol
from labctl.explain.raised import Raised
from labctl.explain.score import observed_root
from labctl.explain.search import Candidate
from labctl.explain.wire_words import on_the_wire, seen_by_servers
from labctl.text import escape_control, pluralize

WIDTH = 80
_FRAMES_LIMIT = 6
_MESSAGE_LIMIT = 200


def explanation_text(
    raised: Raised, candidates: Sequence[Candidate], more: int, pythons: list[str]
) -> str:
    """Return what was read, the scenarios that produce it and why, how they differ, and commands.

    `pythons` has the Python to run each candidate on, or "" if the usual one will do. `more` is
    the number of scenarios that fit, too, and are left out.
    """
    lines = [*_exception_lines(raised), ""]
    for number, (one, python) in enumerate(zip(candidates, pythons, strict=True), 1):
        lines += [*_candidate(number, one, python), ""]
    lines += _evidence_lines(candidates)
    if more:
        total = len(candidates) + more
        lines += ["", f"{pluralize(more, 'scenario')} more: -n {total} shows them all"]
    return "\n".join(lines)


def _exception_lines(raised: Raised) -> Iterator[str]:
    """Yield lines about the exception that is asked about."""
    yield from _wrapped("", _line(raised))
    root = observed_root(raised)
    if root is not raised:
        yield from _wrapped("  at the root of it: ", _line(root))
    name = symbol(root.message) or symbol(raised.message)
    if name:
        yield f"  its number is {name}"
    frames = root.frames or raised.frames or ()
    if frames:
        inner = ", ".join(escape_control(str(frame)) for frame in frames[-_FRAMES_LIMIT:])
        yield from _wrapped("  through ", f"{'... ' if len(frames) > _FRAMES_LIMIT else ''}{inner}")


def _line(raised: Raised) -> str:
    """Return an exception as the last line of a traceback."""
    return escape_control(
        f"{raised.type}: {(raised.message or '')[:_MESSAGE_LIMIT]}".removesuffix(": ")
    )


def _candidate(number: int, one: Candidate, python: str) -> Iterator[str]:
    """Yield lines about a scenario: why it fits, and how to run it."""
    yield from _wrapped(f"{number}. ", escape_control(f"{one.scenario.name}: {one.scenario.title}"))
    reasons = "; ".join(map(escape_control, one.likeness.because))
    yield from _wrapped("   fits: ", f"client {escape_control(one.attempt.name)}: {reasons}")
    yield f"   run:  {run_command(one, python)}"


def run_command(candidate: Candidate, python: str) -> str:
    """Return the command that runs a candidate; `python` as in `explanation_text`."""
    name, attempt = candidate.scenario.name, candidate.attempt.name
    option = f" --python {python}" if python else ""
    return escape_control(f"labctl run {name} --attempt {attempt}{option}")


def _evidence_lines(candidates: Sequence[Candidate]) -> Iterator[str]:
    """Yield what is on the wire and what servers see, of each candidate below the one before."""
    alone = len(candidates) == 1
    yield "On the wire, and what the servers see:" if alone else "What tells them apart:"
    width = max(len(one.scenario.name) for one in candidates)
    for one in candidates:
        wire, served = ("; ".join(lines) for lines in _evidence(one))
        name = f"  {escape_control(one.scenario.name):<{width}}  "
        yield from _wrapped(f"{name}wire:    ", escape_control(wire))
        yield from _wrapped(f"{'':{len(name)}}servers: ", escape_control(served))
    if not alone and len({_evidence(one) for one in candidates}) == 1:
        yield "  Neither does: these look the same on the wire and to the servers."


def _evidence(candidate: Candidate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is on the wire, and what the servers see."""
    return on_the_wire(candidate.variant), seen_by_servers(candidate.variant)


def _wrapped(head: str, text: str) -> list[str]:
    """Return a text in lines, the first after `head`, the others indented as far."""
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [
        head.rstrip()
    ]


def explanation_json(
    raised: Raised, candidates: Sequence[Candidate], more: int, pythons: list[str]
) -> dict[str, Any]:
    """Return `explanation_text` as JSON. `score` is from 0 to 1; `python` is null if the usual one
    will do.
    """
    return {
        "exception": _raised_json(raised),
        "candidates": [
            {
                "scenario": one.scenario.name,
                "title": one.scenario.title,
                "attempt": one.attempt.name,
                "python": python or None,
                "score": round(one.likeness.score, 3),
                "because": list(one.likeness.because),
                "wire": list(on_the_wire(one.variant)),
                "served": list(seen_by_servers(one.variant)),
                "command": run_command(one, python),
            }
            for one, python in zip(candidates, pythons, strict=True)
        ],
        "more": more,
    }


def _raised_json(raised: Raised | None) -> dict[str, Any] | None:
    """Return an exception as JSON."""
    if raised is None:
        return None
    return {
        "type": raised.type,
        "message": raised.message,
        "symbol": symbol(raised.message),
        "stack": None if raised.frames is None else [str(frame) for frame in raised.frames],
        "cause": _raised_json(raised.cause),
        "context": _raised_json(raised.context),
        "group": [_raised_json(one) for one in raised.group],
    }
