"""`labctl list`: the scenarios there are."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import ManyInputErrors

app = verb_app()


@app.command("list", epilog="Example: labctl list --tag core")
def list_(
    tag: Annotated[
        list[str], typer.Option("--tag", metavar="TAG", help="Only scenarios with this tag.")
    ] = [],  # noqa: B006 typer copies it
    layer: Annotated[
        list[str],
        typer.Option(
            metavar="LAYER",
            help="Only scenarios of this layer, like dns, tcp or tls.",
            autocompletion=options.complete_layer,
        ),
    ] = [],  # noqa: B006
    raises: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="Only scenarios that expect this exception, with or without its module, on any"
            " Python: raised, as a cause or a context, in an ExceptionGroup, in a thread or task.",
        ),
    ] = [],  # noqa: B006
    client: Annotated[
        list[str],
        typer.Option(
            metavar="NAME", help="Only scenarios with a client of this name, or that imports it."
        ),
    ] = [],  # noqa: B006
    search: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Only with this text in name, title, story or tags."),
    ] = "",
    scenarios: options.Scenarios = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """List the scenarios, their clients and what is expected.

    A scenario must match all options. If you repeat an option, one match is enough. A file with
    mistakes is reported, and the others are listed all the same.
    """
    from labctl.report.console import make_console
    from labctl.report.scenarios import render_scenarios, scenarios_json
    from labctl.run.filters import Filters
    from labctl.run.selection import catalogue

    filters = Filters(tags=tag, layers=layer, raises=raises, clients=client, search=search)
    known, errors = catalogue(scenarios).sorted_out()
    found = filters.apply(known, complete=not errors)
    if not (found or errors):
        typer.echo(f"labctl: {filters.no_match_text()}", err=True)
    if as_json:
        typer.echo(json.dumps(scenarios_json(found), indent=2))
    elif found:
        make_console().print(render_scenarios(found))
    if errors:
        raise ManyInputErrors(tuple(errors))
