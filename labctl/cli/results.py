"""`labctl report`, `merge` and `diff`: what is done with results that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.documents import with_documents
from labctl.report.documents import NO_DOCUMENTS, Documents

MERGE_EXAMPLES = """\b
Example:
  labctl run --all --shard 1/2 --json 1.json     on one machine
  labctl run --all --shard 2/2 --json 2.json     on another
  labctl merge 1.json 2.json --html run.html     and then
"""
DIFF_EXAMPLES = """\b
Example: what a new Python changes
  labctl run --all --python 3.12 --json old.json
  labctl run --all --python 3.13 --json new.json
  labctl diff old.json new.json
"""
WORSE = 1

_Result = Annotated[
    Path, typer.Argument(metavar="RESULT.json", help="What `labctl run --json` wrote.")
]


@with_documents
def report(result: _Result, documents: Documents = NO_DOCUMENTS) -> None:
    """Show a result again, or write it in another form: a page, JUnit, CTRF.

    Exits as the run did.
    """
    from labctl.load.result import read_result  # noqa: PLC0415
    from labctl.results.summary import exit_code_of  # noqa: PLC0415
    from labctl.run.output import Output  # noqa: PLC0415

    output = Output(documents)
    found = read_result(result)
    output.show(found)
    raise typer.Exit(exit_code_of(found))


@with_documents
def merge(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT.json...", help="The results of all shards of a run."),
    ],
    documents: Documents = NO_DOCUMENTS,
) -> None:
    """Join the results of the parts of a run, and show or write them as one.

    Exits as the whole run would have.
    """
    from labctl.load.result import read_result  # noqa: PLC0415
    from labctl.results.merge import merge as join  # noqa: PLC0415
    from labctl.results.summary import exit_code_of  # noqa: PLC0415
    from labctl.run.output import Output  # noqa: PLC0415

    output = Output(documents)
    whole = join([(str(path), read_result(path)) for path in results])
    output.show(whole)
    raise typer.Exit(exit_code_of(whole))


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="The result of a run.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="The result of a later one.")],
    as_json: options.Json = False,
) -> None:
    """Say what changed between two runs, the worst first: verdicts, outcomes, exceptions, stacks.

    Exits with 1 if a verdict got worse, and else with 0.
    """
    from labctl.load.result import read_result  # noqa: PLC0415
    from labctl.report.changes import changes_json, render_changes  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.results.changes import changes  # noqa: PLC0415

    found = changes(read_result(old), read_result(new))
    if as_json:
        typer.echo(changes_json(found), nl=False)
    else:
        make_console().print(render_changes(found))
    raise typer.Exit(WORSE if found.worse else 0)
