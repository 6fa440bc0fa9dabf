"""`labctl run`: make the attempts of scenarios and judge them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labctl.cli import options
from labctl.cli.documents import with_documents
from labctl.cli.verbs import verb_app
from labctl.pythons import USUAL
from labctl.report.documents import NO_DOCUMENTS, Documents

if TYPE_CHECKING:
    from labctl.run.output import Output
    from labctl.run.request import RunInput, RunRequest

EXAMPLES = """\b
Examples:
  labctl run refused-port                   one scenario, its stacks drawn
  labctl run --all --python all             everything, on every Python
  labctl run ./my.yaml                      a scenario of your own
  labctl run refused-port --client my.py    your client in that lab
  labctl run --all --client my.py --policy default    does it survive all?
"""


app = verb_app()


@app.command(epilog=EXAMPLES)
@with_documents
def run(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|FILE",
            help="Scenarios by name, or your own files. Default: those with the tag core.",
            autocompletion=options.complete_scenario,
        ),
    ] = [],  # noqa: B006 typer copies it
    all_: Annotated[bool, typer.Option("--all", help="Every scenario there is.")] = False,
    tag: Annotated[
        list[str], typer.Option("--tag", metavar="T", help="Every scenario with this tag.")
    ] = [],  # noqa: B006
    attempt: options.Attempts = [],  # noqa: B006
    python: options.Pythons = USUAL,
    client: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A client of your own: shown beside the scenario's, or, with --attempt, judged by"
            " what that attempt expects. It finds its target in LAB_HOST and LAB_PORT.",
        ),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            metavar="FILE|default",
            help="Judge only your client, by this policy, in every scenario.",
        ),
    ] = "",
    jobs: options.Jobs = 4,
    repeat: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="Make every attempt this many times, and compare."),
    ] = 1,
    timeout: options.Timeout = 30.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the lab running, to look around in it.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop after an attempt that is not as expected.")
    ] = False,
    shard: Annotated[
        str,
        typer.Option(metavar="I/N", help="Run part I of N. All parts take about the same time."),
    ] = "",
    locked: options.Locked = False,
    pcap: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each attempt's packets there, as pcapng."),
    ] = None,
    scenarios: options.Scenarios = [],  # noqa: B006
    documents: Documents = NO_DOCUMENTS,
) -> None:
    """Run scenarios in an isolated lab and judge what clients meet.

    Exits with 0 if all is as expected, 1 if not, 2 or 3 if the command line or a file is wrong,
    and 4 if the lab could not be run.
    """
    from labctl.engine.early import begin_lab_early

    begin_lab_early()  # the imports below take as long as the start of a lab
    from labctl.run.execute import execute
    from labctl.run.request import Limits, RunRequest, read_client_file

    request = RunRequest(
        names=tuple(names),
        everything=all_,
        tags=tuple(tag),
        folders=tuple(scenarios),
        attempts=tuple(attempt),
        pythons=python,
        client=read_client_file(client) if client else None,
        policy=policy,
        repeat=repeat,
        limits=Limits(jobs=jobs, limit_s=timeout, keep=keep, fail_fast=fail_fast),
        pcaps=pcap,
        shard=shard,
        lock=Path(options.LOCK_FILE) if locked else None,
    )
    raise typer.Exit(execute(request, lambda given: _output(request, given, documents)))


def _output(request: RunRequest, given: RunInput, documents: Documents) -> Output:
    """Return the output of a run: with a policy, that of survival."""
    from labctl.run.output import Output
    from labctl.run.survival import SurvivalOutput

    if given.policy:
        return SurvivalOutput(documents, given.policy, request.client, given.skipped)
    return Output(documents)
