"""Draw a real run: `python tools/picture.py NAME [OPTIONS OF labctl run]`.

Runs `labctl run NAME OPTIONS` with colours in 80 columns, and writes what it printed to
docs/pictures/NAME.svg. The picture loads nothing from elsewhere: no fonts, no styles. That of the
README is made by

    python tools/picture.py refused-port --attempt smtplib
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH = 80
AS_IT_SHOULD = (0, 1)
"""Exit codes of a run that has a verdict; a picture of a failure is a picture, too."""
_FETCHED_FONTS = re.compile(r"@font-face \{.*?\}\s*|Fira Code, ", re.DOTALL)


def run(arguments: list[str]) -> str:
    """What `labctl run` prints, with escape sequences; ends this program where it has no verdict.

    Progress goes to stderr, and so past the picture.
    """
    colourful = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "run", *arguments],
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **colourful},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in AS_IT_SHOULD:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)
    return done.stdout


def draw(command: str, printed: str) -> str:
    """The SVG of a terminal in which a command printed that."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(printed.rstrip()))
    # The same id each time, so that a new picture differs only where the run does.
    svg = _FETCHED_FONTS.sub("", console.export_svg(title="labctl", unique_id="labctl"))
    # Some viewers would drop the spaces that lines begin with.
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0].startswith("-"):
        sys.exit("usage: python tools/picture.py NAME [OPTIONS OF labctl run]")
    picture = PICTURES / f"{Path(arguments[0]).stem}.svg"
    command = " ".join(["labctl run", *arguments])
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(draw(command, run(arguments)), "utf-8")
    sys.stdout.write(f"{os.path.relpath(picture)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
