"""`labctl report`: a result again, or in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli.documents import with_documents
from labctl.cli.verbs import verb_app
from labctl.report.documents import NO_DOCUMENTS, Documents

app = verb_app()


@app.command(epilog="Example: labctl report run.json --html run.html")
@with_documents
def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT.json", help="What `labctl run --json` wrote.")
    ],
    documents: Documents = NO_DOCUMENTS,
) -> None:
    """Show a result again, or write it in another form: a page, JUnit, CTRF.

    Exits with the same code as the run.
    """
    from labctl.load.result import read_result
    from labctl.results.summary import exit_code_of
    from labctl.run.output import Output

    output = Output(documents)
    found = read_result(result)
    output.show(found)
    raise typer.Exit(exit_code_of(found))
