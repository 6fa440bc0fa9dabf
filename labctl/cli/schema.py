"""`labctl schema`: the JSON Schemas of files."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from labctl.cli.verbs import verb_app
from labctl.errors import UsageError

app = verb_app()


@app.command(epilog="Example: labctl schema > scenario.schema.json")
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

    With it, editors complete the keys of a scenario, and mark mistakes as you type.
    """
    from labctl.load import schema as schemas

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
