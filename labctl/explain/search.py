"""Scenarios -> those that produce an exception, the most alike first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from labctl.explain.families import aliases, bases, canonical
from labctl.explain.numbers import symbol
from labctl.explain.raised import Raised
from labctl.explain.score import Likeness, Stack, likeness
from labctl.explain.setting import setting
from labctl.model.expectation import Expectation, ExpectedException
from labctl.model.scenario import Attempt, Scenario

_WORTH = 0.6
"""How much of the best score another must have to be named."""
_OTHERS = 0.5
"""The most that a scenario comes to whose file has none of the exceptions by their own names."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A scenario, with the attempt and the variant of it that are most alike."""

    scenario: Scenario
    attempt: Attempt
    variant: Expectation
    likeness: Likeness


def search(
    raised: Raised, mentioning: Callable[[Collection[str]], list[Scenario]]
) -> list[Candidate]:
    """Return candidates as `candidates` does, among the scenarios that `mentioning` reads: those
    whose files have one of the words. Reading files takes most of the time. So related names are
    not looked for if the exception's own names already lead to a scenario that is very much like
    the traceback.
    """
    found = candidates(raised, mentioning(_own_words(raised)))
    if found and _WORTH * found[0].likeness.score >= _OTHERS:
        return found
    return candidates(raised, mentioning(words(raised)))


def _own_words(raised: Raised) -> set[str]:
    """Return the words that a scenario's file must have one of: the exceptions' names, and `isa:`
    with their bases.
    """
    found: set[str] = set()
    for one in raised.everything():
        found |= set(map(_telling, aliases(canonical(one.type))))
        found |= {f"isa: {kind}" for kind in bases(one.type)}
        found |= {name} if (name := symbol(one.message)) else set()
    return found


def words(raised: Raised) -> set[str]:
    """Return words of which the file of every scenario that produces the exception has at least
    one.
    """
    found: set[str] = set()
    for one in raised.everything():
        for kind in bases(one.type):
            found |= set(map(_telling, aliases(kind)))
        found |= {name} if (name := symbol(one.message)) else set()
    return found


def _telling(name: str) -> str:
    """Return the last part of a dotted name; all of it if that is a word found everywhere, as in
    `socket.timeout`.
    """
    last = name.rpartition(".")[2]
    return name if last.islower() or last == "Error" else last


def candidates(raised: Raised, scenarios: Iterable[Scenario]) -> list[Candidate]:
    """Return a candidate for each scenario that fits at all, the best first. Among equals, the one
    that is met most often comes first, then the one whose other clients fit better.
    """
    found = [(best, _mean(one, raised)) for one in scenarios if (best := _best(one, raised))]
    found.sort(key=lambda each: (-round(each[0].likeness.score, 6), *_rarity(each[0]), -each[1]))
    enough = _WORTH * found[0][0].likeness.score if found else 0
    return [best for best, _ in found if best.likeness.score >= enough]


def _rarity(one: Candidate) -> tuple[bool, ...]:
    """Return a key that sorts core and essential scenarios first."""
    return tuple(tag not in one.scenario.tags for tag in ("core", "essential"))


def _scored(scenario: Scenario, raised: Raised) -> Iterator[Candidate]:
    """Yield a candidate for each exception that the scenario's attempts expect, with its score."""
    for attempt in scenario.attempts:
        for variant in attempt.expectations:
            for expected, stack in _exceptions(variant):
                found = likeness(expected, stack, raised)
                fits = setting(raised, scenario, variant)
                yield Candidate(
                    scenario=scenario,
                    attempt=attempt,
                    variant=variant,
                    likeness=replace(found, score=found.score * fits),
                )


def _exceptions(variant: Expectation) -> Iterator[tuple[ExpectedException, Stack]]:
    """Yield the exceptions that an expectation names, with their stacks: the client's own, then
    those of threads and tasks.
    """
    if variant.returns is None:
        yield variant, variant.stack
    for one in variant.unhandled:
        yield one, None


def _best(scenario: Scenario, raised: Raised) -> Candidate | None:
    """Return the scenario's candidate with the highest score, or None if all are 0."""
    found = max(_scored(scenario, raised), key=lambda it: it.likeness.score, default=None)
    return found if found and found.likeness.score else None


def _mean(scenario: Scenario, raised: Raised) -> float:
    """Return the mean of the best scores of a scenario's clients. Those that raise nothing count as
    0.
    """
    best: dict[str, float] = dict.fromkeys((one.name for one in scenario.attempts), 0.0)
    for one in _scored(scenario, raised):
        best[one.attempt.name] = max(best[one.attempt.name], one.likeness.score)
    return sum(best.values()) / len(best)
