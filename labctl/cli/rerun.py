"""`labctl rerun`: make the attempts of a result again, and say whether they end alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.documents import with_documents
from labctl.cli.verbs import verb_app
from labctl.report.documents import NO_DOCUMENTS, Documents

app = verb_app()


@app.command(epilog="Example: labctl rerun run.json")
@with_documents
def rerun(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT.json", help="What `labctl run --json` wrote.")
    ],
    jobs: options.Jobs = 4,
    locked: options.Locked = False,
    documents: Documents = NO_DOCUMENTS,
) -> None:
    """Make the attempts of a result again, with its scenarios, its client and its limits.

    The result has everything that this needs. Exits with 0 if every verdict is the same, 1 if one
    is not, and 4 if the lab could not be run.
    """
    from labctl.run.rerun import rerun as make_again

    lock = Path(options.LOCK_FILE) if locked else None
    code = make_again(result, jobs=jobs, lock=lock, documents=documents)
    raise typer.Exit(code)
