"""The command line that makes an attempt of a run again."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from labctl.model.result import AttemptResult, Result
from labctl.report.wording import python_series


def rerun_command(result: Result, attempt: AttemptResult) -> str:
    """Return the `labctl run` command for one attempt of a run, quoted for a shell."""
    request = result.request
    words = ["labctl", "run", scenario_argument(result, attempt.scenario)]
    if attempt.client:
        words += ["--client", request.client or attempt.client]
    if request.policy is not None:
        words += ["--policy", request.policy_file]
    elif PurePath(attempt.client).stem != attempt.attempt:
        words += ["--attempt", attempt.attempt]
    return shlex.join([*words, "--python", python_series(attempt.python)])


def scenario_argument(result: Result, scenario: str) -> str:
    """Return what a command line calls a scenario: its name if labctl brings it along, or its file
    if it is the user's own.
    """
    info = result.scenarios.get(scenario)
    return info.path if info and info.path and not info.bundled else scenario
