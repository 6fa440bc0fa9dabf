"""What GitHub's runner makes of a line that a step prints.

After src/Runner.Common/ActionCommand.cs of actions/runner: a line that begins with `::` may be a
command; else one that has `##[` anywhere may be one of the old kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMANDS = {
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
}
_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


@dataclass(frozen=True)
class Command:
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    message: str = ""


def commands(output: str) -> list[Command]:
    """What is a command among the lines of a step's output; a runner ends lines at any break."""
    return [found for line in output.splitlines() if (found := _command(line))]


def _command(line: str) -> Command | None:
    found = line.lstrip()
    info, end, message = found[2:].partition("::")
    if found.startswith("::") and end:
        name, _, properties = info.partition(" ")
        if name.lower() in COMMANDS:
            return Command(name, _properties(properties), _back(message, _DATA))
    _, old, rest = line.partition("##[")
    name = rest.partition("]")[0].partition(" ")[0]
    return Command(name) if old and name.lower() in COMMANDS else None


def _properties(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in text.strip().split(",") if one)
    return {name: _back(value, _PROPERTY) for name, _, value in pairs}


def _back(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escape, char in escapes:
        text = text.replace(escape, char)
    return text
