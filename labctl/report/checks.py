"""What `labctl doctor` prints."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from labctl.model.check import Check, CheckState
from labctl.text import escape_control

_STYLES = {CheckState.OK: "green", CheckState.LIMITED: "yellow", CheckState.MISSING: "bold red"}


def render_check(check: Check) -> RenderableType:
    """Return a line for a check of the doctor, and one with what to do about it."""
    line = Text.assemble(
        (f"{check.state:<8}", _STYLES[check.state]), f"{check.name}: {escape_control(check.seen)}"
    )
    if not check.hint:
        return line
    return Group(
        line, Padding(Text(f"hint: {escape_control(check.hint)}"), (0, 0, 0, 8), expand=False)
    )
