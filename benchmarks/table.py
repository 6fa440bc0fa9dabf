"""The table as it is printed, and its place in a Markdown file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks import attempts, catalogue, grading, labs, one_lab, startup
from benchmarks.measure import Rows, difference, ratio, spread

TITLES = {
    "lab": "one attempt in a lab of its own, ms from the start of the process",
    "attempts": f"N attempts, {attempts.AT_ONCE} at once, ms per attempt",
    "startup": "commands that need no engine, ms",
    "catalogue": f"the whole catalogue, {attempts.AT_ONCE} at once, ms",
    "labs": f"{labs.LABS} labs at once, started {attempts.AT_ONCE} at a time, ms",
    "grading": f"{grading.SUBMISSIONS} submissions graded, {attempts.AT_ONCE} at once, ms",
}
BEGIN = "<!-- begin of the table -->"
END = "<!-- end of the table -->"

_NAME = 48


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A row that should take at most so many times what another takes, or so many ms more; without
    another, so many ms.
    """

    part: str
    row: str
    most: float
    to: str = ""
    more: bool = False

    def value(self, rows: Rows) -> float:
        """What came out, to compare with `most`."""
        if not self.to:
            return spread(rows.seconds[self.row]).median * 1000
        if self.more:
            return difference(rows, self.row, self.to) * 1000
        return ratio(rows, self.row, self.to)

    @property
    def shown(self) -> str:
        """What is compared."""
        return f"{self.row} {'-' if self.more else '/'} {self.to}" if self.to else self.row

    @property
    def shown_most(self) -> str:
        """What it is to be at most."""
        return f"{self.most:g} ms" if self.more or not self.to else f"{self.most:g}"


_LAB = {
    one_lab.BY_HAND: 1.0,
    one_lab.BY_HAND_WHOLE: 1.0,
    one_lab.COMPOSE: 0.5,
    one_lab.COMPOSE_RUN: 0.5,
}
_ATTEMPTS = [
    (ours, floor)
    for ours in (attempts.IN_LAB, attempts.PROCESS)
    for floor in (attempts.NO_OP, attempts.PYTHON, attempts.IMPORT)
]
_N = attempts.NUMBERS[-1]

_LOCAL = [
    (one_lab.row(ours, one_lab.END), one_lab.row(one_lab.BY_HAND, one_lab.END), 0.45)
    for ours in (one_lab.LOCAL, one_lab.LOCAL_USER)
]

AIMS = (
    *(Aim(part="lab", row=row, to=to, most=most) for row, to, most in _LOCAL),
    *(
        Aim(part="lab", row=one_lab.row(ours, one_lab.PROCESSOR), most=300)
        for ours in (one_lab.LOCAL, one_lab.LOCAL_USER)
    ),
    *(
        Aim(
            part="attempts",
            row=attempts.row(attempts.LOCAL_IN_LAB, number),
            to=attempts.row(attempts.CHROOT, number),
            most=1.5,
        )
        for number in attempts.NUMBERS
    ),
    Aim(
        part="lab",
        row=one_lab.row(one_lab.LABCTL_RUN, one_lab.END),
        to=one_lab.row(one_lab.BY_HAND, one_lab.END),
        most=1.3,
    ),
    Aim(part="catalogue", row=catalogue.LOCAL, to=catalogue.ALL, most=0.35),
    *(
        Aim(
            part="lab",
            row=one_lab.row(one_lab.LABCTL_RUN, one_lab.VERDICT),
            to=one_lab.row(other, one_lab.VERDICT),
            most=most,
        )
        for other, most in _LAB.items()
    ),
    *(
        Aim(part="attempts", row=attempts.row(ours, _N), to=attempts.row(floor, _N), most=1.25)
        for ours, floor in _ATTEMPTS
    ),
    Aim(
        part="attempts",
        row=attempts.row(attempts.IN_LAB, _N),
        to=attempts.row(attempts.BLIND, _N),
        most=10,
        more=True,
    ),
    Aim(part="startup", row=startup.HELP, to=startup.TYPER, most=1.5),
    Aim(part="startup", row=startup.EXPLAIN, to=startup.BARE, most=300, more=True),
    Aim(part="catalogue", row=catalogue.ALL, to=catalogue.COMPOSE, most=0.1),
    Aim(part="catalogue", row=catalogue.ALL, to=catalogue.COMPOSE_EACH, most=0.1),
    Aim(part="catalogue", row=catalogue.ALL, to=catalogue.FLOOR, most=1.3),
    Aim(part="catalogue", row=catalogue.SIX, to=catalogue.ALL, most=6),
    Aim(part="grading", row=grading.GRADE, to=grading.FLOOR, most=1.3),
)


def render(head: Iterable[str], parts: Mapping[str, Rows]) -> str:
    """The whole table, of the parts that were measured."""
    lines = [*head]
    for part, rows in parts.items():
        lines += ["", *_part(TITLES[part], rows)]
    return "\n".join([*lines, "", *_aims(parts), ""])


def _part(title: str, rows: Rows) -> Iterator[str]:
    yield title
    yield f"  {'':{_NAME}} {'n':>3} {'median':>8} {'q1':>8} {'q3':>8} {'min':>8}"
    for name, seconds in rows.seconds.items():
        found = spread(seconds)
        numbers = (found.median, found.q1, found.q3, found.least)
        yield f"  {name:{_NAME}} {found.n:>3}" + "".join(f" {x * 1000:>8.1f}" for x in numbers)


def _aims(parts: Mapping[str, Rows]) -> Iterator[str]:
    yield "aims: the median over the rounds of the ratio, or difference, within a round"
    for aim in AIMS:
        if aim.part in parts and aim.row in parts[aim.part].seconds:
            value = aim.value(parts[aim.part])
            met = "met" if value <= aim.most else "not met"
            yield f"  {aim.shown}"
            yield f"  {'':{_NAME}} {value:>12.2f}   at most {aim.shown_most:<5} {met}"


def placed(text: str, table: str) -> str:
    """A Markdown text with this table between its marks. Raises ValueError if it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there are no lines {BEGIN} and {END} to put the table between")
    return f"{before}{BEGIN}\n\n```text\n{table}```\n\n{END}{after}"
