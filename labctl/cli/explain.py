"""`labctl explain`: from an exception, or a pasted traceback, to the scenarios that produce it."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import UsageError, did_you_mean
from labctl.pythons import SERIES, USUAL

if TYPE_CHECKING:
    from labctl.explain.raised import Raised
    from labctl.explain.search import Candidate

EXAMPLES = """\b
Examples:
  labctl explain ConnectionResetError       which scenarios raise it
  labctl explain app.log                    the last traceback in a file
  python my.py 2>&1 | labctl explain        what a program has just said
"""
LIMIT = 4 * 1024 * 1024
"""Bytes of text that are read."""
STDIN = "-"
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_WHAT = "give an exception's name, a file with a traceback, or - and pipe the traceback in"


app = verb_app()


@app.command(epilog=EXAMPLES)
def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE|-",
            help="An exception's name, or a file with a traceback in it, whatever is around it;"
            " - is stdin, which is also the default.",
            autocompletion=options.complete_exception,
        ),
    ] = STDIN,
    number: Annotated[
        int, typer.Option("-n", min=1, max=1000, help="How many scenarios to name at most.")
    ] = 5,
    scenarios: options.Scenarios = [],  # noqa: B006 typer copies it
    as_json: options.Json = False,
) -> None:
    """Name the scenarios that produce an exception, those most like it first.

    It says why each fits, what tells them apart on the wire, and what to type to see it.
    """
    from labctl.explain.search import search
    from labctl.report import explanation as report
    from labctl.run.selection import catalogue

    gc.disable()  # it ends in a moment; looking for garbage would take a twentieth of that
    raised = _raised(what)
    found = search(raised, catalogue(scenarios).mentioning)
    shown, more = found[:number], max(len(found) - number, 0)
    if not shown:
        typer.echo(f"labctl: no scenario raises {raised.type} or what it came from", err=True)
    pythons = [_python(one) for one in shown]
    if as_json:
        typer.echo(json.dumps(report.explanation_json(raised, shown, more, pythons), indent=2))
    elif shown:
        typer.echo(report.explanation_text(raised, shown, more, pythons))


def _raised(what: str) -> Raised:
    """Return the exception that is asked for: by its name, or by the last traceback in a file or on
    stdin.
    """
    from labctl.explain.parse import parse

    if what != STDIN and not Path(what).is_file():
        return _named(what)
    found = parse(_text(what))
    if not found:
        place = "stdin" if what == STDIN else what
        raise UsageError(f"there is no traceback and no exception in {place}", hint=_WHAT)
    if len(found) > 1:
        typer.echo(f"labctl: there are {len(found)} tracebacks; this is the last", err=True)
    return found[-1]


def _named(name: str) -> Raised:
    """Return the exception of this name, or the one that a line of a traceback ends with. Raise
    UsageError if there is none.
    """
    from labctl.explain.families import called
    from labctl.explain.parse import parse
    from labctl.explain.raised import Raised
    from labctl.model.exceptions import known_names

    known = called(name)
    found = [Raised(type=known)] if known else parse(name)
    if not found:
        bare = {full.rpartition(".")[2] for full in known_names()}
        meant = did_you_mean(name, bare | known_names())
        raise UsageError(
            f"there is no file {name}, and no exception is called so{meant}", hint=_WHAT
        )
    return found[-1]


def _text(what: str) -> str:
    """Return the text of a file or of stdin. Bytes that are not text are replaced."""
    from labctl.load.files import read_bytes

    if what != STDIN:
        data = read_bytes(Path(what), LIMIT)
    else:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("there is nothing to explain", hint=_WHAT)
        data = sys.stdin.buffer.read(LIMIT)
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    return data.decode(encoding, "replace")


def _python(one: Candidate) -> str:
    """Return the newest Python series that the candidate's expectation is for; empty if it is for
    the usual one.
    """
    for series in (USUAL, *reversed(SERIES)):
        if one.attempt.expectation(f"{series}.0") is one.variant:
            return "" if series == USUAL else series
    return ""
