"""`labctl merge`: the parts of a run, joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli.documents import with_documents
from labctl.cli.verbs import verb_app
from labctl.report.documents import NO_DOCUMENTS, Documents

EXAMPLES = """\b
Example:
  labctl run --all --shard 1/2 --json 1.json     on one machine
  labctl run --all --shard 2/2 --json 2.json     on another
  labctl merge 1.json 2.json --html run.html     and then
"""
app = verb_app()


@app.command(epilog=EXAMPLES)
@with_documents
def merge(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT.json...", help="The results of all shards of a run."),
    ],
    documents: Documents = NO_DOCUMENTS,
) -> None:
    """Join the results of the parts of a run, and show or write them as one.

    Exits with the same code as the whole run would have.
    """
    from labctl.load.result import read_result
    from labctl.results.merge import merge as join
    from labctl.results.summary import exit_code_of
    from labctl.run.output import Output

    output = Output(documents)
    whole = join([(str(path), read_result(path)) for path in results])
    output.show(whole)
    raise typer.Exit(exit_code_of(whole))
