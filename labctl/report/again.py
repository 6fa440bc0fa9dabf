"""The command that makes an attempt of a run once more."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from labctl.model.result import AttemptResult, Result
from labctl.report.text import series


def again(result: Result, attempt: AttemptResult) -> str:
    """The command, as a shell takes it."""
    asked = result.request
    words = ["labctl", "run", named(result, attempt.scenario)]
    if attempt.client:
        words += ["--client", asked.client or attempt.client]
    if asked.policy is not None:
        words += ["--policy", asked.policy_file]
    elif PurePath(attempt.client).stem != attempt.attempt:
        words += ["--attempt", attempt.attempt]
    return shlex.join([*words, "--python", series(attempt.python)])


def named(result: Result, scenario: str) -> str:
    """What a command line calls it: the scenario's name; or its file, if it is one of one's own."""
    info = result.scenarios.get(scenario)
    return info.path if info and info.path and not info.bundled else scenario
