"""`labctl new`: a scenario to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  labctl new quiet-port
  labctl new lost-mail --layer smtp --directory my-scenarios
"""


def _complete_layer(incomplete: str) -> list[str]:
    from labctl.cli.starting import LAYERS  # noqa: PLC0415

    return [layer for layer in LAYERS if layer.startswith(incomplete)]


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the scenario.")],
    layer: Annotated[
        str,
        typer.Option(
            metavar="L",
            help="Where it is to fail: dns, tcp, udp, tls, smtp, http, ftp, imap, pop3 or other.",
            autocompletion=_complete_layer,
        ),
    ] = "tcp",
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the file; made if it isn't there.")
    ] = Path(),
) -> None:
    """Write a scenario to start from, NAME.yaml: it runs as it is, and says what to change.

    A file that is there already is left alone.
    """
    from labctl.cli.starting import start  # noqa: PLC0415

    typer.echo(start(name.removesuffix(".yaml"), layer, directory))
