"""`python -m benchmarks`: measures, prints a table, and puts it into a Markdown file if asked."""

from __future__ import annotations

import argparse
import datetime
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import attempts, catalogue, grading, labs, machine, one_lab, startup, table
from benchmarks.bench import Bench, bench
from benchmarks.measure import BenchmarkError, Rows, Say
from labctl.errors import LabError

PARTS: dict[str, Callable[[Bench, int, Say], Rows]] = {
    "lab": one_lab.measure,
    "attempts": attempts.measure,
    "startup": startup.measure,
    "catalogue": catalogue.measure,
    "grading": grading.measure,
    "labs": labs.measure,
}
_SHARE = {"startup": 2.0, "catalogue": 0.2, "grading": 0.2, "labs": 0.3}
"""How many times as many rounds the quickest commands get, and the longest."""
_INTERRUPTED = 130


def main() -> int:
    options = _options()
    if options.markdown:
        table.placed(options.markdown.read_text("utf-8"), "")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        parts = options.only or list(PARTS)
        printed = _measure(parts, options.rounds, tuple(shlex.split(options.as_user)))
    except (BenchmarkError, LabError) as error:
        _say(f"benchmarks: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; what was made is removed")
        return _INTERRUPTED
    sys.stdout.write(printed)
    if options.markdown:
        text = options.markdown.read_text("utf-8")
        options.markdown.write_text(table.placed(text, printed), "utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often each contestant runs")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--markdown", type=Path, help="the file to put the table into")
    parser.add_argument(
        "--as-user",
        default="",
        metavar="COMMAND",
        help="what runs labctl as an ordinary user, such as `runuser -u ada -- /home/ada/labctl`",
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _measure(parts: list[str], rounds: int, as_user: tuple[str, ...]) -> str:
    """Run the parts; the table of them."""
    with bench(as_user) as running:
        today = datetime.datetime.now(datetime.UTC).date()
        head = machine.describe(running.client)
        load = machine.load()
        measured = {}
        for part in parts:
            often = max(1, round(rounds * _SHARE.get(part, 1)))
            measured[part] = PARTS[part](running, often, _say)
        head.append(f"load     {load} before, {machine.load()} after; {today.isoformat()}")
    return table.render(head, measured)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")


if __name__ == "__main__":
    sys.exit(main())
