"""What a client of one's own did not survive, the worst first."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from labctl.judge.policy import WORST_FIRST
from labctl.model.result import AttemptResult, Difference, Result, Verdict
from labctl.pythons import USUAL
from labctl.report.again import named
from labctl.report.text import MARKS, STYLES, listed, one_line, series
from labctl.results.summary import interruption_note
from labctl.text import escape_control, pluralize

_GROUPS_LIMIT = 20
_NAMES_LIMIT = 6
"""The one that `labctl run` takes by itself."""
_TITLES = {
    "hang": "it hangs",
    "out-of-memory": "it uses up its memory",
    "killed": "it is killed",
    "garbled": "it leaves no report",
    "exit": "it exits as it should not",
    "exception": "it raises {}",
    "returned": "it returns as it should not",
    "unhandled": "{} ends a thread or a task",
    "elapsed": "it takes too long",
    "sockets": "it leaves sockets open",
}
_BY_TYPE = ("exception", "unhandled")
"""What is told apart by what it was, too."""


@dataclass
class _Broken:
    """One way to break, in `attempts`; `first` is how it broke in the first of them."""

    what: str
    first: Difference
    attempts: list[AttemptResult] = field(default_factory=list)

    @property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(one.scenario for one in self.attempts))


def render_survived(
    result: Result, *, options: Sequence[str] = (), skipped: Sequence[str] = ()
) -> RenderableType:
    """How many failures the clients given with --client survived, then what broke, the worst
    first, each with a command that shows one of it. `options` are those that such a command needs,
    as they were typed: `--client my.py --policy policy.yaml`. `skipped` are the scenarios that the
    policy left out.
    """
    attempts = _judged(result)
    blocks: list[RenderableType] = [_headline(attempts)]
    found = _broken(attempts)
    for number, one in enumerate(found[:_GROUPS_LIMIT], 1):
        blocks += [Text(), *_group(number, one, result, options)]
    if len(found) > _GROUPS_LIMIT:
        blocks += [Text(), Text(f"and {len(found) - _GROUPS_LIMIT} more that broke", style="dim")]
    rest = [*_rest(attempts, skipped, interruption_note(result))]
    return Group(*blocks, *([Text(), *rest] if rest else ()))


def _judged(result: Result) -> list[AttemptResult]:
    return [one for one in result.attempts if one.client and one.verdict]


def _headline(attempts: Sequence[AttemptResult]) -> Text:
    verdicts = _verdicts(attempts)
    made = [one for one in verdicts.values() if one is not Verdict.ERROR]
    if not made:
        return Text("your client met no failure", style=STYLES[Verdict.INCONCLUSIVE])
    survived = made.count(Verdict.PASS)
    worst = Verdict.PASS if survived == len(made) else _worst(made)
    pythons = listed(dict.fromkeys(series(one.python) for one in attempts))
    told = f"your client survived {survived} of {pluralize(len(made), 'failure')}"
    return Text(f"{MARKS[worst]} {told} on Python {escape_control(pythons)}", style=STYLES[worst])


def _verdicts(attempts: Sequence[AttemptResult]) -> dict[str, Verdict]:
    """The worst verdict of each scenario: on every Python, and in every repeat."""
    found: dict[str, list[Verdict]] = {}
    for one in attempts:
        found.setdefault(one.scenario, []).append(one.verdict or Verdict.PASS)
    return {scenario: _worst(verdicts) for scenario, verdicts in found.items()}


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR)
    return next((one for one in order if one in verdicts), Verdict.PASS)


def _broken(attempts: Sequence[AttemptResult]) -> list[_Broken]:
    """Every way in which some broke. What broke in several ways is in several."""
    found: dict[tuple[str, str], _Broken] = {}
    for attempt in attempts:
        for one in attempt.differences:
            key = (one.what, one.actual if one.what in _BY_TYPE else "")
            found.setdefault(key, _Broken(one.what, one)).attempts.append(attempt)
    return sorted(found.values(), key=lambda one: (_rank(one.what), -len(one.scenarios)))


def _rank(what: str) -> int:
    return WORST_FIRST.index(what) if what in WORST_FIRST else len(WORST_FIRST)


def _group(
    number: int, one: _Broken, result: Result, options: Sequence[str]
) -> Iterator[RenderableType]:
    title = _TITLES.get(one.what, "{}: not as it should be")
    name = escape_control(one.first.actual if one.what in _BY_TYPE else one.what)
    head = f"{title.format(name)}, in {pluralize(len(one.scenarios), 'failure')}"
    yield one_line(f"{number:>3}  {head}{_where(one, _judged(result))}", STYLES[Verdict.FAIL])
    yield _indented(listed(map(escape_control, one.scenarios), most=_NAMES_LIMIT))
    yield _indented(escape_control(one.first.message))
    yield _indented(_command(result, one.attempts[0], options), "cyan")


def _where(one: _Broken, attempts: Sequence[AttemptResult]) -> str:
    """On which Pythons, if not on all."""
    pythons = dict.fromkeys(series(each.python) for each in one.attempts)
    if len(pythons) == len({series(each.python) for each in attempts}):
        return ""
    return f", on Python {escape_control(listed(pythons))} only"


def _command(result: Result, attempt: AttemptResult, options: Sequence[str]) -> str:
    """What shows it once more."""
    python = series(attempt.python)
    chosen = [] if python == USUAL else ["--python", python]
    return escape_control(
        shlex.join(["labctl", "run", named(result, attempt.scenario), *chosen, *options])
    )


def _rest(
    attempts: Sequence[AttemptResult], skipped: Sequence[str], why: str
) -> Iterator[RenderableType]:
    """What the headline does not count."""
    for verdict, what in (
        (Verdict.INCONCLUSIVE, "could not be told"),
        (Verdict.ERROR, "not made, for the lab broke"),
    ):
        own = [name for name, found in _verdicts(attempts).items() if found is verdict]
        if own:
            names = listed(map(escape_control, own), most=_NAMES_LIMIT)
            yield Text(f"{MARKS[verdict]} {len(own)} {what}: {names}", style=STYLES[verdict])
            reasons = [one.reasons for one in attempts if one.verdict is verdict and one.reasons]
            yield from (_indented(escape_control(one[0])) for one in reasons[:1])
    if skipped:
        names = listed(map(escape_control, skipped), most=_NAMES_LIMIT)
        yield Text(f"{len(skipped)} left out by the policy: {names}", style="dim")
    if why:
        yield Text(why, style="bold red")


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 5), expand=False)
