"""The option `--engine` of every verb that uses an engine."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer

from labctl.engines import ENGINE_VARIABLE, EngineName, choose_engine


def add_engine_option(command: Any) -> None:
    """Give a command, and all commands of a group, the option. Its variable has no verb in its
    name: it is the same for all of them.
    """
    command.params.append(_option())
    for inner in getattr(command, "commands", {}).values():
        add_engine_option(inner)


@cache
def _option() -> Any:
    """Return the option as typer makes it of an annotation. It chooses while the command line is
    read, so that completion of what is on an engine asks that engine.
    """
    app = typer.Typer(add_completion=False)

    @app.command()
    def command(
        engine: Annotated[
            EngineName | None,
            typer.Option(
                metavar="|".join(EngineName),
                envvar=ENGINE_VARIABLE,
                callback=_choose,
                is_eager=True,
                expose_value=False,
                help="Where labs run. Default: Docker where it answers, else local.",
            ),
        ] = None,
    ) -> None:
        """Have this option."""

    [option] = typer.main.get_command(app).params
    return option


def _choose(name: EngineName | None) -> None:
    """Choose the engine that is given, if one is."""
    if name is not None:
        choose_engine(EngineName(name))
