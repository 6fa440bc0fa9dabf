"""A comparison as people read it: three lines for each client, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.model.comparison import Compared, Comparison
from labctl.report.text import MARKS, STYLES, clip, pad
from labctl.results.comparison import BUILT_IN_CLAUSES
from labctl.text import escape_control

WIDTH = 80
_NAME = 16
_INDENT = " " * 4
_ANSWERS = {True: "yes", False: "no", None: "can't tell"}


def comparison_json(comparison: Comparison) -> str:
    """The document, with a newline at its end."""
    return comparison.model_dump_json(by_alias=True, indent=2) + "\n"


def render_comparison(comparison: Comparison) -> RenderableType:
    """The table, and why a retry is or isn't worth it."""
    head = f"{escape_control(comparison.scenario)} on Python {escape_control(comparison.python)}"
    if comparison.interrupted:
        head += ", interrupted: these are not all"
    rows = [line for client in comparison.clients for line in _client(client)]
    return Group(Text(head, style="bold"), Text(), _header(), *rows, *_reasons(comparison))


def _header() -> Text:
    titles = "".join(f"{title:<{len(title) + 2}}" for title in BUILT_IN_CLAUSES)
    return Text(f"  {'except ...':<{_NAME}}  {titles}worth a retry?", style="bold")


def _client(client: Compared) -> Iterator[Text]:
    line = Text(f"{MARKS[client.verdict]} ", style=STYLES[client.verdict])
    line.append(f"{pad(escape_control(client.attempt), _NAME)}  ", style="bold default")
    if client.type is None:
        ended = client.outcome.value if client.outcome else "not made"
        line.append(f"{ended}: there is nothing to catch", style="default")
        yield line
        yield from _differences(client)
        return
    for title in BUILT_IN_CLAUSES:
        line.append(f"{_ANSWERS[client.caught_by[title]]:<{len(title) + 2}}", style="default")
    if client.retry:
        line.append(_ANSWERS[client.retry.worth], style="default")
    yield line
    kind = f" ({client.retry.kind})" if client.retry else ""
    yield from _wrapped([f"{escape_control(client.type)}{kind}"])
    yield from _wrapped([f"< {escape_control(_short(base))}" for base in client.bases])
    own = {name: yes for name, yes in client.caught_by.items() if name not in BUILT_IN_CLAUSES}
    yield from _wrapped([f"except {name}: {_ANSWERS[yes]}" for name, yes in own.items()], "; ")
    yield from _differences(client)


def _differences(client: Compared) -> Iterator[Text]:
    """In what it is not as the scenario expects."""
    for reason in client.reasons:
        yield from (
            Text(line, style="red")
            for line in wrap(
                escape_control(reason), WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT
            )
        )


def _short(base: str) -> str:
    return base.rpartition(".")[2]


def _wrapped(words: list[str], separator: str = " ") -> Iterator[Text]:
    """The words in as few lines as they need, none broken."""
    line = ""
    for number, word in enumerate(words):
        part = word + (separator if number < len(words) - 1 else "")
        if line and len(_INDENT + line + part.rstrip()) > WIDTH:
            yield _dim(line)
            line = ""
        line += part
    if line:
        yield _dim(line)


def _dim(line: str) -> Text:
    return Text(clip(f"{_INDENT}{line.rstrip()}", WIDTH), style="dim")


def _reasons(comparison: Comparison) -> Iterator[Text]:
    found = {one.retry.kind: one.retry for one in comparison.clients if one.retry}
    if found:
        yield Text()
    for retry in found.values():
        yield Text(clip(f"{retry.kind}, {_ANSWERS[retry.worth]}: {retry.why}", WIDTH))
