"""The failures that a client of the user's own did not survive, the worst first."""

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
from labctl.report.layout import indented, single_line
from labctl.report.rerun import scenario_argument
from labctl.report.wording import VERDICT_SIGNS, VERDICT_STYLES, python_list, python_series
from labctl.results.summary import interruption_note
from labctl.text import comma_list, escape_control, pluralize

_BREAKAGES_LIMIT = 20
_NAMES_LIMIT = 6
_INDENT = 5
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
"""Differences that are grouped by the exception's type as well."""
_UNDECIDED_TITLES = {
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.ERROR: "not made because the lab broke",
}


@dataclass
class _Breakage:
    """One way in which the client broke, and the attempts in which it did.

    `first` is the difference in the first of them.
    """

    what: str
    first: Difference
    attempts: list[AttemptResult] = field(default_factory=list)

    @property
    def scenarios(self) -> list[str]:
        """The names of the scenarios that broke the client in this way."""
        return list(dict.fromkeys(one.scenario for one in self.attempts))


def render_survival(
    result: Result, *, options: Sequence[str] = (), skipped: Sequence[str] = ()
) -> RenderableType:
    """Return how many failures the client survived, then each way in which it broke, the worst
    first, with a command that shows it.

    `options` are the words that such a command needs: `--client my.py --policy policy.yaml`.
    `skipped` are the scenarios that the policy left out.
    """
    attempts = [one for one in result.attempts if one.client and one.verdict]
    blocks: list[RenderableType] = [_headline(attempts, result)]
    breakages = _breakages(attempts)
    for number, one in enumerate(breakages[:_BREAKAGES_LIMIT], 1):
        blocks += [Text(), _title(number, one, attempts), *_details(one, result, options)]
    if len(breakages) > _BREAKAGES_LIMIT:
        more = len(breakages) - _BREAKAGES_LIMIT
        blocks += [Text(), Text(f"and {more} more that broke", style="dim")]
    rest = [*_uncounted(attempts, skipped, interruption_note(result))]
    return Group(*blocks, *([Text(), *rest] if rest else ()))


def _headline(attempts: Sequence[AttemptResult], result: Result) -> Text:
    """Return the line that says how many failures the client survived. Without a verdict, it says
    that there is none, and nothing about the client.
    """
    verdicts = [one for one in _verdicts(attempts).values() if one is not Verdict.ERROR]
    if not verdicts:
        lacking = "judged" if any(one.client for one in result.attempts) else "made"
        text = f"no attempt with your client was {lacking}"
        return Text(text, style=VERDICT_STYLES[Verdict.INCONCLUSIVE])
    survived = verdicts.count(Verdict.PASS)
    worst = _worst(verdicts)
    text = f"your client survived {survived} of {pluralize(len(verdicts), 'failure')}"
    pythons = comma_list(python_list(attempts))
    style = VERDICT_STYLES[worst]
    return Text(f"{VERDICT_SIGNS[worst]} {text} on Python {pythons}", style=style)


def _verdicts(attempts: Sequence[AttemptResult]) -> dict[str, Verdict]:
    """Return the worst verdict of each scenario among all its Pythons and repeats."""
    verdicts: dict[str, list[Verdict]] = {}
    for one in attempts:
        verdicts.setdefault(one.scenario, []).append(one.verdict or Verdict.PASS)
    return {scenario: _worst(each) for scenario, each in verdicts.items()}


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst verdict. An error says nothing about the client, so it comes last."""
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR)
    return next((one for one in order if one in verdicts), Verdict.PASS)


def _breakages(attempts: Sequence[AttemptResult]) -> list[_Breakage]:
    """Group the differences of all attempts; an attempt with several is in several groups."""
    groups: dict[tuple[str, str], _Breakage] = {}
    for attempt in attempts:
        for one in attempt.differences:
            key = (one.what, one.actual if one.what in _BY_TYPE else "")
            groups.setdefault(key, _Breakage(one.what, one)).attempts.append(attempt)
    return sorted(groups.values(), key=lambda each: (_rank(each.what), -len(each.scenarios)))


def _rank(what: str) -> int:
    """Return a sort key: the worst first."""
    return WORST_FIRST.index(what) if what in WORST_FIRST else len(WORST_FIRST)


def _title(number: int, breakage: _Breakage, attempts: Sequence[AttemptResult]) -> Text:
    """Return the first line of a breakage: what, in how many scenarios, and on which Pythons if
    not on all of those of `attempts`.
    """
    title = _TITLES.get(breakage.what, "{}: not as it should be")
    by_type = breakage.what in _BY_TYPE
    name = escape_control(breakage.first.actual if by_type else breakage.what)
    head = f"{title.format(name)}, in {pluralize(len(breakage.scenarios), 'failure')}"
    pythons = python_list(breakage.attempts)
    if len(pythons) < len(python_list(attempts)):
        head += f", on Python {comma_list(pythons)} only"
    return single_line(f"{number:>3}  {head}", VERDICT_STYLES[Verdict.FAIL])


def _details(breakage: _Breakage, result: Result, options: Sequence[str]) -> Iterator[Padding]:
    """Yield a breakage's scenarios, message and command."""
    scenarios = comma_list(map(escape_control, breakage.scenarios), limit=_NAMES_LIMIT)
    yield indented(scenarios, _INDENT)
    yield indented(escape_control(breakage.first.message), _INDENT)
    yield indented(_command(result, breakage.attempts[0], options), _INDENT, "cyan")


def _command(result: Result, attempt: AttemptResult, options: Sequence[str]) -> str:
    """Return the command line that makes the attempt again."""
    python = python_series(attempt.python)
    python_option = [] if python == USUAL else ["--python", python]
    scenario = scenario_argument(result, attempt.scenario)
    return escape_control(shlex.join(["labctl", "run", scenario, *python_option, *options]))


def _uncounted(
    attempts: Sequence[AttemptResult], skipped: Sequence[str], interruption: str
) -> Iterator[RenderableType]:
    """Yield lines about what the headline does not count."""
    verdicts = _verdicts(attempts)
    for verdict, title in _UNDECIDED_TITLES.items():
        scenarios = [escape_control(name) for name, own in verdicts.items() if own is verdict]
        if scenarios:
            names = comma_list(scenarios, limit=_NAMES_LIMIT)
            line = f"{VERDICT_SIGNS[verdict]} {len(scenarios)} {title}: {names}"
            yield Text(line, style=VERDICT_STYLES[verdict])
            reasons = (one.reasons[0] for one in attempts if one.verdict is verdict and one.reasons)
            yield from (indented(escape_control(one), _INDENT) for one in list(reasons)[:1])
    if skipped:
        names = comma_list(map(escape_control, skipped), limit=_NAMES_LIMIT)
        yield Text(f"{len(skipped)} left out by the policy: {names}", style="dim")
    if interruption:
        yield Text(interruption, style="bold red")
