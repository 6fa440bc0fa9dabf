"""`labctl list`, `show`, `validate` and `schema`: looking at scenarios without running them."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labctl.cli import options


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
            " Python: raised, as a cause or a context, in a group, in a thread or a task.",
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

    Of several options, a scenario must fit all; of one given several times, any. A wrong file is
    told, and keeps none of the others from being listed.
    """
    from labctl.errors import ManyInputErrors  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.report.scenarios import list_json, list_table  # noqa: PLC0415
    from labctl.run.filters import Filters  # noqa: PLC0415
    from labctl.run.selection import catalogue  # noqa: PLC0415

    filters = Filters(tags=tag, layers=layer, raises=raises, clients=client, search=search)
    known, errors = catalogue(scenarios).sorted_out()
    found = filters.of(known, complete=not errors)
    if not (found or errors):
        typer.echo(f"labctl: {filters.nothing()}", err=True)
    if as_json:
        typer.echo(json.dumps(list_json(found), indent=2))
    elif found:
        make_console().print(list_table(found))
    if errors:
        raise ManyInputErrors(tuple(errors))


def show(
    name: options.Scenario,
    scenarios: options.Scenarios = [],  # noqa: B006
    as_json: options.Json = False,
) -> None:
    """Tell a scenario's story, who talks to whom, and what is expected."""
    from labctl.report import scenarios as report  # noqa: PLC0415
    from labctl.report.console import make_console  # noqa: PLC0415
    from labctl.run.selection import catalogue  # noqa: PLC0415

    scenario = catalogue(scenarios).load(name)
    if as_json:
        typer.echo(json.dumps(report.show_json(scenario), indent=2))
    else:
        make_console().print(report.show(scenario))


def validate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|NAME",
            help="Scenario files, or names. None: all in the folders of --scenarios, else the"
            " bundled ones.",
        ),
    ] = [],  # noqa: B006
    scenarios: options.Scenarios = [],  # noqa: B006
) -> None:
    """Check scenario files without running them. Every mistake is told, with file and line."""
    from labctl.errors import ManyInputErrors  # noqa: PLC0415
    from labctl.run.selection import catalogue, loadable, only  # noqa: PLC0415

    if files:
        right, errors = loadable(catalogue(scenarios), files)
    else:
        found, errors = only(scenarios).sorted_out()
        right = [str(scenario.path) for scenario in found]
    for name in right:
        typer.echo(f"{name}: ok")
    if errors:
        raise ManyInputErrors(tuple(errors))


def schema(
    result: Annotated[
        bool, typer.Option("--result", help="The schema of result documents instead.")
    ] = False,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="The schema of exercise files instead.")
    ] = False,
    grade: Annotated[
        bool, typer.Option("--grade", help="The schema of a student's grade.json instead.")
    ] = False,
    policy: Annotated[
        bool, typer.Option("--policy", help="The schema of policy files instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors.

    With it they complete the keys of a scenario, and mark mistakes as they are made.
    """
    from labctl.errors import UsageError  # noqa: PLC0415
    from labctl.load import schema as schemas  # noqa: PLC0415

    wanted = {
        schemas.result_schema: result,
        schemas.exercise_schema: exercise,
        schemas.grade_schema: grade,
        schemas.policy_schema: policy,
    }
    chosen = [make for make, given in wanted.items() if given] or [schemas.scenario_schema]
    if len(chosen) > 1:
        raise UsageError("there is one schema at a time", hint="give one of the options")
    typer.echo(json.dumps(chosen[0](), indent=2))
