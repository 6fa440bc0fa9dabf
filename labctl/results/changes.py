"""What changed between two runs: of a Python, of a library, of an engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from labctl.judge.diff import stack_names
from labctl.judge.verdict import ending
from labctl.model.result import AttemptResult, Observation, Outcome, Result, Verdict
from labctl.pythons import series_of


class ChangeKind(IntEnum):
    """What kind of change, the worst first."""

    WORSE = 1
    """The verdict got worse, or is bad of one that was not there, or is lacking in a run that was
    cut short.
    """
    FAILS_NOW = 2
    """The client returned before, and does not any more."""
    ENDS_OTHERWISE = 3
    """It ends in another way: it returns where it raised, or was still running."""
    EXCEPTION = 4
    WIRE = 5
    ATTRIBUTES = 6
    STACK = 7
    MESSAGE = 8
    SLOWER = 9
    BETTER = 10
    """The verdict got better."""
    GONE = 11
    NEW = 12


@dataclass(frozen=True, kw_only=True)
class Change:
    """An attempt that is not what it was. `pythons` are the versions before and now, `before` and
    `now` say what it was and is; one of an attempt that is not in both is empty.
    """

    scenario: str
    attempt: str
    client: str
    pythons: tuple[str, str]
    kind: ChangeKind
    before: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """`setting` has what the two ran with where that differs, as (what, before, now); `attempts`
    the changes, worst first, one for each attempt; `compared` counts those that are in both.
    """

    setting: tuple[tuple[str, str, str], ...]
    attempts: tuple[Change, ...]
    compared: int

    @property
    def worse(self) -> bool:
        """Whether a verdict got worse."""
        return any(one.kind is ChangeKind.WORSE for one in self.attempts)


_Key = tuple[str, str, str, str, int]
_BADNESS = {None: 0, Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.ERROR: 2, Verdict.FAIL: 3}
_SLOWER_TIMES, _SLOWER_S = 2.0, 0.5
"""How many times as long, and how many seconds longer: both, to be worth a line."""
_VARYING = re.compile(r"0x[0-9a-f]+|\b\d+(?:\.\d+){3}\b|\b\d{4,}\b|_ssl\.c:\d+")
"""Parts of messages that differ from run to run: addresses, ports, lines of C."""


def changes(old: Result, new: Result) -> Changes:
    """Compare two results and return what changed. Attempts are matched by scenario, attempt,
    client, Python and repeat. If each run has one Python that the other lacks, these two are
    compared.
    """
    renamed = _counterparts(old, new)
    before = {_key(one, renamed): one for one in old.attempts}
    now = {_key(one, {}): one for one in new.attempts}
    both = [(before[key], now[key]) for key in before if key in now]
    found = [change for one, other in both if (change := _worst(one, other))]
    gone = ChangeKind.WORSE if new.interrupted else ChangeKind.GONE
    found += [_gone(one, gone) for key, one in before.items() if key not in now]
    found += [_new(one) for key, one in now.items() if key not in before]
    found.sort(key=lambda one: (one.kind, one.scenario, one.attempt, one.client, one.pythons))
    return Changes(
        setting=tuple(_setting(old, new)), attempts=_each_once(found), compared=len(both)
    )


def _counterparts(old: Result, new: Result) -> Mapping[str, str]:
    """Return the Python series of the new run that each of the old run's stands for. Only one may
    have been exchanged.
    """
    before = {series_of(one.python) for one in old.attempts}
    now = {series_of(one.python) for one in new.attempts}
    gone, come = before - now, now - before
    return {gone.pop(): come.pop()} if len(gone) == len(come) == 1 else {}


def _key(one: AttemptResult, renamed: Mapping[str, str]) -> _Key:
    """Return a key that is the same for an attempt in both runs: scenario, attempt, client, series
    and repeat.
    """
    series = series_of(one.python)
    return (one.scenario, one.attempt, one.client, renamed.get(series, series), one.repeat)


def _each_once(found: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes with only the worst of an attempt's repeats."""
    kept: dict[tuple[str, str, str, tuple[str, str]], Change] = {}
    for one in found:
        kept.setdefault((one.scenario, one.attempt, one.client, one.pythons), one)
    return tuple(kept.values())


def _gone(one: AttemptResult, kind: ChangeKind) -> Change:
    """Return the change for an attempt that is no longer there."""
    return _change(one, one, kind, _ended(one), "")


def _new(one: AttemptResult) -> Change:
    """Return the change for an attempt that was not there before. It is `worse` if it did
    not pass.
    """
    bad = _BADNESS[one.verdict] > 0
    now = _judged(one) if bad else _ended(one)
    return _change(one, one, ChangeKind.WORSE if bad else ChangeKind.NEW, "", now)


def _change(
    old: AttemptResult, new: AttemptResult, kind: ChangeKind, before: str, now: str
) -> Change:
    """Return a change between two results."""
    return Change(
        scenario=new.scenario,
        attempt=new.attempt,
        client=new.client,
        pythons=(old.python, new.python),
        kind=kind,
        before=before,
        now=now,
    )


def _worst(old: AttemptResult, new: AttemptResult) -> Change | None:
    """Return the worst change between two results, or None."""
    for kind, before, now in _differences(old, new):
        return _change(old, new, kind, before, now)
    return None


def _differences(old: AttemptResult, new: AttemptResult) -> Iterator[tuple[ChangeKind, str, str]]:
    """Yield the changes between two results, worst first: kind, before, now."""
    was, is_ = _BADNESS[old.verdict], _BADNESS[new.verdict]
    if is_ > was:
        yield ChangeKind.WORSE, _judged(old), _judged(new)
    if old.observed and new.observed:
        yield from _observed(old.observed, new.observed)
    if is_ < was:
        yield ChangeKind.BETTER, _judged(old), _judged(new)


def _observed(old: Observation, new: Observation) -> Iterator[tuple[ChangeKind, str, str]]:
    """Yield the changes between two observations, worst first."""
    if old.outcome is not new.outcome:
        failed = old.outcome is Outcome.RETURNED
        yield (
            ChangeKind.FAILS_NOW if failed else ChangeKind.ENDS_OTHERWISE,
            ending(old),
            ending(new),
        )
    for kind, tell in _TOLD:
        before, now = tell(old), tell(new)
        if before != now:
            yield kind, before, now
    longer = new.elapsed_s - old.elapsed_s
    if longer > _SLOWER_S and new.elapsed_s > _SLOWER_TIMES * old.elapsed_s:
        yield ChangeKind.SLOWER, f"{old.elapsed_s:.2f} s", f"{new.elapsed_s:.2f} s"


def _type(seen: Observation) -> str:
    """Return the type of the exception; empty if there is none."""
    return seen.exception.type if seen.exception else ""


def _wire(seen: Observation) -> str:
    """Return the flows in one line, sorted."""
    flows = {f"{one.protocol} {one.host}:{one.port} {one.outcome}" for one in seen.flows or ()}
    return ", ".join(sorted(flows))


def _attributes(seen: Observation) -> str:
    """Return the exception's attributes in one line, sorted."""
    if seen.exception is None:
        return ""
    named = {**seen.exception.attrs, **seen.exception.symbols}
    return ", ".join(f"{name} {_plain(value)}" for name, value in sorted(named.items()))


def _stack(seen: Observation) -> str:
    """Return the stack in one line."""
    return " > ".join(stack_names(seen))


def _message(seen: Observation) -> str:
    """Return the exception's message without what varies from run to run."""
    return _plain(seen.exception.message) if seen.exception else ""


def _plain(value: object) -> str:
    """Return a value as text, with `#` for what varies from run to run."""
    return _VARYING.sub("#", str(value))


_TOLD: tuple[tuple[ChangeKind, Callable[[Observation], str]], ...] = (
    (ChangeKind.EXCEPTION, _type),
    (ChangeKind.WIRE, _wire),
    (ChangeKind.ATTRIBUTES, _attributes),
    (ChangeKind.STACK, _stack),
    (ChangeKind.MESSAGE, _message),
)


def _ended(one: AttemptResult) -> str:
    """Return how an attempt ended, as a clause."""
    return ending(one.observed) if one.observed else "it could not be made"


def _judged(one: AttemptResult) -> str:
    """Return an attempt's verdict and its first reason."""
    verdict = one.verdict.value if one.verdict else "not judged"
    return f"{verdict}: {one.reasons[0]}" if one.reasons else f"{verdict}: {_ended(one)}"


def _setting(old: Result, new: Result) -> Iterator[tuple[str, str, str]]:
    """Yield what the two runs had otherwise: labctl, the engine, and what is in images of the same
    name.
    """
    pairs = [("labctl", old.labctl, new.labctl)]
    pairs += [
        (f"the engine's {name}", str(getattr(old.engine, name)), str(getattr(new.engine, name)))
        for name in ("name", "version", "kernel", "architecture")
    ]
    for name in sorted(old.images.keys() & new.images.keys()):
        before, now = old.images[name], new.images[name]
        pairs.append((f"Python in {name}", before.python, now.python))
        for package in sorted({*before.packages, *now.packages}):
            versions = (before.packages.get(package, "none"), now.packages.get(package, "none"))
            pairs.append((f"{package} in {name}", *versions))
    yield from (each for each in pairs if each[1] != each[2])
