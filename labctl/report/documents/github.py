"""What GitHub Actions shows of a run: annotations at the lines of scenarios, and a summary.

There is no `from __future__ import annotations` here: it would be a name for two things.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from labctl.model.result import Result, Verdict
from labctl.report.documents.evidence import reason_lines
from labctl.report.documents.names import source_line
from labctl.report.documents.step_summary import step_summary
from labctl.report.failures import Failure, worst_failures
from labctl.text import clip, escape_control

__all__ = ["annotations", "step_summary", "workflow_command"]

LIMIT = 10
"""How many errors, and how many warnings, GitHub takes of one step."""
_MESSAGE = 4000
"""Characters of a message; the runner cuts it at 4,096."""
_TITLE = 200


def annotations(result: Result, *, root: str = "") -> str:
    """Return workflow commands for what did not go as it should, the worst first, one on each line.

    Paths are made relative to `root`, the folder of the repository. What is outside of it has no
    line that GitHub could show.
    """
    found = worst_failures(result.attempts)
    errors = [one for one in found if one.verdict is not Verdict.INCONCLUSIVE]
    warnings = [one for one in found if one.verdict is Verdict.INCONCLUSIVE]
    commands = [
        *_commands("error", errors, result, root),
        *_commands("warning", warnings, result, root),
    ]
    return "".join(commands)


def _commands(name: str, found: Sequence[Failure], result: Result, root: str) -> Iterator[str]:
    """Yield workflow commands that note failures on the scenarios' lines, as many as GitHub
    shows.
    """
    shown = found if len(found) <= LIMIT else found[: LIMIT - 1]
    for one in shown:
        where = source_line(result, one.first)
        path = escape_control(_relative(where.path, root))
        line = str(where.line) if path and where.line else ""
        yield workflow_command(
            name, _message(one), file=path, line=line, title=clip(one.title, _TITLE)
        )
    if len(found) > len(shown):
        more = f"{len(found) - len(shown)} more"
        yield workflow_command(name, f"{more} are in this step's log", title=f"and {more}")


def _message(failure: Failure) -> str:
    """Return a failure's reasons and explanation, cut to what GitHub shows."""
    because = failure.first.because
    lines = [*reason_lines(failure.first), *([escape_control(because)] if because else [])]
    return "\n".join(lines)[:_MESSAGE] or failure.title


def _relative(path: str, root: str) -> str:
    """Return the path relative to the root; empty if it leads elsewhere."""
    pure = PurePath(path)
    if root and pure.is_relative_to(root):
        return str(pure.relative_to(root))
    return "" if pure.is_absolute() else path


def workflow_command(name: str, message: str, **properties: str) -> str:
    """Return a workflow command with any texts, ending in a newline. Empty properties are left
    out.
    """
    given = ",".join(f"{key}={_property(text)}" for key, text in properties.items() if text)
    return f"::{name} {given}::{_data(message)}\n"


def _data(text: str) -> str:
    """Escape a text as GitHub's runner reads it. `%` comes first, because the other escapes contain
    it.
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a text for a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
