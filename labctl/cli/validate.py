"""`labctl validate`: are the files that people write right?"""

from __future__ import annotations

from typing import Annotated

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app
from labctl.errors import ManyInputErrors

app = verb_app()


@app.command(epilog="Example: labctl validate my.yaml other.yaml")
def validate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|NAME",
            help="Scenario files, or names; also Compose files, exercises and policies. Default:"
            " all scenarios in the folders of --scenarios, or else the bundled ones.",
        ),
    ] = [],  # noqa: B006
    scenarios: options.Scenarios = [],  # noqa: B006
) -> None:
    """Check scenario files without running them. Every mistake is reported, with file and line."""
    from labctl.load.kinds import Kind
    from labctl.run.selection import file_check, loadable, only

    if files:
        right, errors = loadable(file_check(scenarios), files)
    else:
        found, errors = only(scenarios).sorted_out()
        right = [(str(scenario.path), Kind.SCENARIO) for scenario in found]
    for name, kind in right:
        typer.echo(f"{name}: ok" if kind is Kind.SCENARIO else f"{name}: ok, {kind}")
    if errors:
        raise ManyInputErrors(tuple(errors))
