"""Several clients in one failure (`labctl compare`): what catches their exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.model.comparison import Compared, Comparison
from labctl.report.layout import clip_columns, pad_columns
from labctl.report.wording import VERDICT_SIGNS, VERDICT_STYLES
from labctl.results.comparison import BUILT_IN_CLAUSES
from labctl.text import escape_control

WIDTH = 80
_NAME_WIDTH = 16
_INDENT = " " * 4
_ANSWERS = {True: "yes", False: "no", None: "can't tell"}


def comparison_json(comparison: Comparison) -> str:
    """Return the document `labctl-comparison/1`, ending in a newline."""
    return comparison.model_dump_json(by_alias=True, indent=2) + "\n"


def render_comparison(comparison: Comparison) -> RenderableType:
    """Return the table of clients and what catches their exceptions, in 80 columns, and below it
    why a retry is or isn't worth it.
    """
    head = f"{escape_control(comparison.scenario)} on Python {escape_control(comparison.python)}"
    if comparison.interrupted:
        head += ", interrupted: these are not all"
    rows = [line for client in comparison.clients for line in _client(client)]
    retries = [*_retry_lines(comparison)]
    return Group(Text(head, style="bold"), Text(), _table_head(), *rows, *retries)


def _table_head() -> Text:
    """Return the head of the table."""
    titles = "".join(f"{title:<{len(title) + 2}}" for title in BUILT_IN_CLAUSES)
    return Text(f"  {'except ...':<{_NAME_WIDTH}}  {titles}worth a retry?", style="bold")


def _client(client: Compared) -> Iterator[Text]:
    """Yield the lines about one client: its exception, and what catches it."""
    sign, style = VERDICT_SIGNS[client.verdict], VERDICT_STYLES[client.verdict]
    line = Text(f"{sign} ", style=style)
    line.append(f"{pad_columns(escape_control(client.attempt), _NAME_WIDTH)}  ", "bold default")
    if client.type is None:
        ending = client.outcome.value if client.outcome else "not made"
        line.append(f"{ending}: there is nothing to catch", style="default")
        yield line
    else:
        yield from _exception(client, client.type, line)
    for reason in client.reasons:
        text = escape_control(reason)
        lines = wrap(text, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        yield from (Text(part, style="red") for part in lines)


def _exception(client: Compared, type_: str, line: Text) -> Iterator[Text]:
    """Append to `line` what catches the exception, and whether it is worth a retry, and yield it;
    then yield lines with the exception's type and bases.
    """
    for title in BUILT_IN_CLAUSES:
        line.append(f"{_ANSWERS[client.caught_by[title]]:<{len(title) + 2}}", style="default")
    if client.retry:
        line.append(_ANSWERS[client.retry.worth], style="default")
    yield line
    kind = f" ({client.retry.kind})" if client.retry else ""
    yield from _wrapped([f"{escape_control(type_)}{kind}"])
    yield from _wrapped([f"< {escape_control(base.rpartition('.')[2])}" for base in client.bases])
    own = {name: yes for name, yes in client.caught_by.items() if name not in BUILT_IN_CLAUSES}
    yield from _wrapped([f"except {name}: {_ANSWERS[yes]}" for name, yes in own.items()], "; ")


def _wrapped(words: list[str], separator: str = " ") -> Iterator[Text]:
    """Yield the words in as few lines as they need; no word is broken."""
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
    """Return a line in grey, cut to the width."""
    return Text(clip_columns(f"{_INDENT}{line.rstrip()}", WIDTH), style="dim")


def _retry_lines(comparison: Comparison) -> Iterator[Text]:
    """Yield a line for each kind of failure: whether it is worth a retry, and why."""
    kinds = {one.retry.kind: one.retry for one in comparison.clients if one.retry}
    if kinds:
        yield Text()
    for retry in kinds.values():
        yield Text(clip_columns(f"{retry.kind}, {_ANSWERS[retry.worth]}: {retry.why}", WIDTH))
