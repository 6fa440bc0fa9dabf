"""`labctl new`: a scenario to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

EXAMPLES = """\b
Examples:
  labctl new quiet-port
  labctl new lost-mail --layer smtp --directory my-scenarios
"""


_NEXT = """\
wrote {path}; it runs as it is
next, change its story, target and clients, and take out what they expect; then
  labctl record {file}     writes down what they meet, on every Python
  labctl run {file}        sees that it stays so"""
app = verb_app()


@app.command(epilog=EXAMPLES)
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the scenario.")],
    layer: Annotated[
        str,
        typer.Option(
            metavar="L",
            help="Where it is to fail: dns, tcp, udp, tls, smtp, http, ftp, imap, pop3 or other.",
            autocompletion=options.complete_layer,
        ),
    ] = "tcp",
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the file; made if it isn't there.")
    ] = Path(),
) -> None:
    """Write a scenario to start from, NAME.yaml: it runs as it is, and says what to change.

    A file that is there already is left alone.
    """
    from labctl.record.new import write_new_scenario

    path = write_new_scenario(name.removesuffix(".yaml"), layer, directory)
    typer.echo(_NEXT.format(path=path, file=shlex.quote(str(path))))
