"""Write docs/catalogue.md from the scenarios and libraries.toml: `python tools/catalogue.py`.

With --check, write nothing, and end with 1 if the page is not what they say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from labctl.explain.wire_words import on_the_wire
from labctl.load.catalogue import Catalogue
from labctl.model.expectation import Expectation, ExpectedException
from labctl.model.layers import LAYERS
from labctl.model.libraries import libraries
from labctl.model.scenario import Attempt, Scenario

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "catalogue.md"
COMMAND = "python tools/catalogue.py"
_HEAD = f"""\
# The catalogue

This page lists every scenario that comes with labctl, by layer: its name, the clients that meet it,
how they end, which packets are sent, and where Pythons differ. `{COMMAND}`
writes this page from the scenarios.

`labctl list` shows the same in a terminal, `labctl show NAME` shows one scenario completely, and
`labctl explain` finds the scenarios that produce an exception. The [glossary](glossary.md) explains
words such as SYN, RST and NXDOMAIN.
"""


def page(scenarios: Sequence[Scenario], root: Path = ROOT) -> str:
    """The page, of scenarios in files below `root`."""
    parts = [_HEAD]
    for layer in LAYERS:
        of_layer = sorted((one for one in scenarios if one.layer == layer), key=lambda it: it.name)
        if of_layer:
            parts.append("\n".join([f"## {layer}", "", *_entries(of_layer, root), ""]))
    return "\n".join([*parts, _LIBRARIES_HEAD, *_library_rows(), ""])


_LIBRARIES_HEAD = """\
## Client libraries

What an attempt can name in `requires`, and the clients that are part of Python. For each library:
the exceptions that `documented` in a [policy](policy.md#exceptions) allows beside `OSError`, and
the exceptions that `labctl compare` tries after `except`. The versions are in
[pins.txt](../compose/images/libs/pins.txt).
"""
_LIBRARY_COLUMNS = ("library", "`requires`", "`documented`", "`except`")


def _library_rows() -> Iterator[str]:
    yield _row(_LIBRARY_COLUMNS)
    yield _row(["---"] * len(_LIBRARY_COLUMNS))
    listed = [one for one in libraries().values() if one.documented or one.clauses]
    for one in listed:
        required = f"`{one.name}`" if one.distribution else "part of Python"
        yield _row([one.module, required, _quoted(one.documented), _quoted(one.clauses)])


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_COLUMNS = ("scenario", "clients", "outcome", "wire", "where Pythons differ")


def _entries(scenarios: Sequence[Scenario], root: Path) -> Iterator[str]:
    yield _row(_COLUMNS)
    yield _row(["---"] * len(_COLUMNS))
    for one in scenarios:
        link = f"[{one.name}](../{one.path.relative_to(root).as_posix()})"
        clients = ", ".join(attempt.name for attempt in one.attempts)
        lists = map("; ".join, (_outcomes(one), _wire(one), _differences(one)))
        yield _row([f"**{link}**: {one.title}", clients, *lists])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _variants(scenario: Scenario) -> Iterator[Expectation]:
    return (variant for attempt in scenario.attempts for variant in attempt.expectations)


def _outcomes(scenario: Scenario) -> list[str]:
    return list(dict.fromkeys(map(_outcome, _variants(scenario))))


def _outcome(variant: Expectation) -> str:
    """The exception, with what is behind it; or the value."""
    if variant.returns is not None:
        return "a value is returned"
    chain = (variant.cause, variant.context)
    behind = next((one for one in chain if isinstance(one, ExpectedException)), None)
    return f"{_named(variant)}{f' from {_named(behind)}' if behind else ''}"


def _named(expected: ExpectedException) -> str:
    members = ", ".join(map(_named, expected.group or ()))
    number = expected.attrs.get("errno")
    name = f"`{expected.raises}`" if expected.raises else f"some `{expected.isa}`"
    return f"{name}{f' ({number})' if number else ''}{f' of {members}' if members else ''}"


def _wire(scenario: Scenario) -> list[str]:
    return list(dict.fromkeys(words for one in _variants(scenario) for words in on_the_wire(one)))


def _differences(scenario: Scenario) -> Iterator[str]:
    """Which clients meet something else on other Pythons, those together that meet the same."""
    clients: dict[str, list[str]] = {}
    for attempt in scenario.attempts:
        if len(attempt.expectations) > 1:
            clients.setdefault(_difference(attempt), []).append(attempt.name)
    for difference, names in clients.items():
        yield f"{', '.join(names)}: {difference}"


def _difference(attempt: Attempt) -> str:
    outcomes: dict[str, list[str]] = {}
    for variant in attempt.expectations:
        where = f"`{variant.python}`" if variant.python else "other Pythons"
        outcomes.setdefault(_outcome(variant), []).append(where)
    if len(outcomes) > 1:
        return ", ".join(f"{outcome} on {' and '.join(on)}" for outcome, on in outcomes.items())
    (pythons,) = outcomes.values()
    return f"{_changed(attempt)} on {', '.join(pythons)}"


def _changed(attempt: Attempt) -> str:
    """The keys of `expect` that are not the same in all variants."""
    first, *others = attempt.expectations
    keys = [key for key in type(first).model_fields if key != "python"]
    changed = [k for k in keys if any(getattr(it, k) != getattr(first, k) for it in others)]
    return f"another {' and '.join(f'`{key}`' for key in changed)}"


def main(arguments: Sequence[str]) -> int:
    text = page(Catalogue([ROOT / "scenarios"], ROOT / "compose" / "lab.yaml").all())
    if "--check" not in arguments:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    sys.stderr.write(f"docs/catalogue.md is not what the scenarios say: run {COMMAND}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
