"""How well tracebacks lead to their scenarios: those of all attempts, on all Pythons.

Two questions are asked. With the whole catalogue: is the scenario named first? And, as in life,
where the program is not one of the catalogue's: is it still, with that very client taken out of
the catalogue, so that only the scenario's other clients can tell? The second can be asked only
where one of the others ends in the same root exception; where none does (`working-smtp` has one
client that raises), nothing could lead there.

Another scenario first is right where no traceback could tell the two apart: where it has given the
same one; or, to the second question, the same root out of the same function. refused-port and
icmp-port-unreachable are such a pair: only the wire differs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from labctl.explain.families import canonical
from labctl.explain.parse import parse
from labctl.explain.raised import Raised
from labctl.explain.score import observed_root
from labctl.explain.search import candidates, search, words
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.scenario import Scenario
from tests.labs.conftest import Done
from tests.tracebacks import SYSTEMS, in_a_log, traceback

ENOUGH = 0.95
_OF_THE_LAB = re.compile(r"0x[0-9a-f]+|\b[a-z0-9-]+\.lab\b|\b\d+(?:\.\d+){3}\b|\b\d{4,5}\b")
"""Names, addresses and ports: a program of one's own has others."""


@dataclass(frozen=True)
class Case:
    """A traceback, and the attempt that it came from."""

    scenario: str
    attempt: str
    python: str
    text: str

    @cached_property
    def raised(self) -> Raised:
        found = parse(self.text)
        assert len(found) == 1, f"{self}"
        return found[0]


@cache
def catalogue() -> dict[str, Scenario]:
    found = Catalogue([bundled_folder("scenarios")], bundled_compose()).all()
    return {scenario.name: scenario for scenario in found}


def cases(everything: Done) -> list[Case]:
    """Of every attempt that raised: as several systems print it, some of them in a log."""
    found = {}
    for number, one in enumerate(everything.document["attempts"]):
        if one["observed"]["outcome"] == "raised" and one["repeat"] == 1:
            text = traceback(one["observed"], number % SYSTEMS)
            text = in_a_log(text) if number % 2 else text
            key = (one["scenario"], one["attempt"], one["python"])
            found[key] = Case(*key, text)
    return list(found.values())


def message(raised: Raised) -> str:
    return _OF_THE_LAB.sub("#", raised.message or "")


def whole(raised: Raised) -> object:
    """All that a traceback tells."""
    linked = [one and whole(one) for one in (raised.cause, raised.context, *raised.group)]
    return raised.type, message(raised), raised.frames, tuple(linked)


def root(raised: Raised) -> object:
    """What went wrong first, and where."""
    found = observed_root(raised)
    return canonical(found.type), message(found), (found.frames or (None,))[-1]


def by_scenario(every: Sequence[Case], tell: Callable[[Raised], object]) -> dict[str, set[object]]:
    found: dict[str, set[object]] = defaultdict(set)
    for case in every:
        found[case.scenario].add(tell(case.raised))
    return found


def first(case: Case, among: Sequence[Scenario]) -> str:
    found = candidates(case.raised, among)
    return found[0].scenario.name if found else ""


def takes_turns(every: Sequence[Case]) -> bool:
    """Whether each attempt is made on one Python only, and the Pythons take turns."""
    attempts = {(case.scenario, case.attempt) for case in every}
    return len(attempts) == len(every) and len({case.python for case in every}) > 1


def test_a_traceback_leads_to_its_scenario(everything: Done) -> None:
    every = cases(everything)
    # Pythons differ in their frames: two scenarios that took turns have no traceback in common.
    tell = root if takes_turns(every) else whole
    given = by_scenario(every, tell)
    wrong = []
    for case in every:
        name = first(case, list(catalogue().values()))
        if name != case.scenario and tell(case.raised) not in given[name]:
            wrong.append((case.scenario, case.attempt, case.python, name))
    assert len(wrong) <= (1 - ENOUGH) * len(every), wrong


def test_a_traceback_of_another_client_does_too(everything: Done) -> None:
    every = cases(everything)
    roots = by_scenario(every, root)
    clients = defaultdict(set)
    for case in every:
        clients[case.scenario, root(case.raised)].add(case.attempt)
    asked, wrong = 0, []
    for case in every:
        if len(clients[case.scenario, root(case.raised)]) == 1:
            continue
        asked += 1
        own = catalogue()[case.scenario]
        rest = replace(own, attempts=tuple(a for a in own.attempts if a.name != case.attempt))
        name = first(case, [rest if one is own else one for one in catalogue().values()])
        if name != case.scenario and root(case.raised) not in roots[name]:
            wrong.append((case.scenario, case.attempt, case.python, name))
    assert asked
    assert len(wrong) <= (1 - ENOUGH) * asked, wrong


def test_the_words_by_which_files_are_chosen_are_in_the_right_one(everything: Done) -> None:
    for case in cases(everything):
        text = catalogue()[case.scenario].path.read_text("utf-8")
        assert any(word in text for word in words(case.raised)), case


def test_reading_fewer_files_names_the_same(everything: Done, is_whole: bool) -> None:
    """In the default run, of every fourth attempt."""
    texts = {name: one.path.read_text("utf-8") for name, one in catalogue().items()}

    def mentioning(wanted: Collection[str]) -> list[Scenario]:
        return [catalogue()[k] for k, text in texts.items() if any(w in text for w in wanted)]

    for case in cases(everything)[:: 1 if is_whole else 4]:
        whole = candidates(case.raised, mentioning(words(case.raised)))
        assert search(case.raised, mentioning) == whole, case
