"""Which scenarios produce an exception, as people read it and as other programs do.

Without rich: this is to be there at once.
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
_FRAMES = 6
_MESSAGE = 200


def explained(raised: Raised, found: Sequence[Candidate], more: int, pythons: list[str]) -> str:
    """What was read, who produces it and why, how they differ, and what to type. `more` scenarios
    that fit are left out; `pythons` is, for each candidate, the Python to run it on, or empty.
    """
    lines = [*_read(raised), ""]
    for number, (one, python) in enumerate(zip(found, pythons, strict=True), 1):
        lines += [*_candidate(number, one, python), ""]
    lines += _apart(found)
    if more:
        lines += ["", f"{pluralize(more, 'scenario')} more: -n {len(found) + more} shows them all"]
    return "\n".join(lines)


def _read(raised: Raised) -> Iterator[str]:
    yield from _wrapped("", _line(raised))
    root = observed_root(raised)
    if root is not raised:
        yield from _wrapped("  at the root of it: ", _line(root))
    name = symbol(root.message) or symbol(raised.message)
    if name:
        yield f"  its number is {name}"
    frames = root.frames or raised.frames or ()
    if frames:
        inner = ", ".join(escape_control(str(frame)) for frame in frames[-_FRAMES:])
        yield from _wrapped("  through ", f"{'... ' if len(frames) > _FRAMES else ''}{inner}")


def _line(raised: Raised) -> str:
    return escape_control(f"{raised.type}: {(raised.message or '')[:_MESSAGE]}".removesuffix(": "))


def _candidate(number: int, one: Candidate, python: str) -> Iterator[str]:
    yield from _wrapped(f"{number}. ", escape_control(f"{one.scenario.name}: {one.scenario.title}"))
    reasons = "; ".join(map(escape_control, one.likeness.because))
    yield from _wrapped("   fits: ", f"client {escape_control(one.attempt.name)}: {reasons}")
    yield f"   run:  {command(one, python)}"


def command(one: Candidate, python: str) -> str:
    """What to type to see it."""
    on = f" --python {python}" if python else ""
    return escape_control(f"labctl run {one.scenario.name} --attempt {one.attempt.name}{on}")


def _apart(found: Sequence[Candidate]) -> Iterator[str]:
    """The wire and the servers of all, one below the other."""
    yield "On the wire, and what the servers see:" if len(found) == 1 else "What tells them apart:"
    names = max(len(one.scenario.name) for one in found)
    for one in found:
        name = f"  {escape_control(one.scenario.name):<{names}}  "
        yield from _wrapped(f"{name}wire:    ", escape_control("; ".join(on_the_wire(one.variant))))
        blank = " " * len(name)
        yield from _wrapped(
            f"{blank}servers: ", escape_control("; ".join(seen_by_servers(one.variant)))
        )
    if len(found) > 1 and len({_evidence(one) for one in found}) == 1:
        yield "  Neither does: these look the same on the wire and to the servers."


def _evidence(one: Candidate) -> tuple[tuple[str, ...], ...]:
    return on_the_wire(one.variant), seen_by_servers(one.variant)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [
        head.rstrip()
    ]


def explained_json(
    raised: Raised, found: Sequence[Candidate], more: int, pythons: list[str]
) -> dict[str, Any]:
    """The same as JSON. `score` is from 0 to 1; `python` is null where the usual one will do."""
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
                "command": command(one, python),
            }
            for one, python in zip(found, pythons, strict=True)
        ],
        "more": more,
    }


def _raised_json(raised: Raised | None) -> dict[str, Any] | None:
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
