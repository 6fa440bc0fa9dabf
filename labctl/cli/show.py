"""`labctl show`: a scenario, without running it."""

from __future__ import annotations

import json

import typer

from labctl.cli import options
from labctl.cli.verbs import verb_app

app = verb_app()


@app.command(epilog="Example: labctl show refused-port")
def show(
    name: options.Scenario,
    scenarios: options.Scenarios = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Tell a scenario's story, who talks to whom, and what is expected."""
    from labctl.report import scenarios as report
    from labctl.report.console import make_console
    from labctl.run.selection import catalogue

    scenario = catalogue(scenarios).load(name)
    if as_json:
        typer.echo(json.dumps(report.scenario_json(scenario), indent=2))
    else:
        make_console().print(report.render_scenario(scenario))
