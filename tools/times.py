"""`python tools/times.py RESULT.json`: writes scenarios/times.json, by which runs are sharded.

The result is of `labctl run --all --json RESULT.json`, on a machine that does nothing else.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from labctl.load.result import read_result
from labctl.model.result import AttemptResult

FILE = Path(__file__).parents[1] / "scenarios" / "times.json"


def times(results: Iterable[AttemptResult]) -> dict[str, dict[str, float]]:
    """Seconds that the container of each attempt ran, in tenths: the median of Pythons and
    repeats. By scenario and attempt, in the order of their names.
    """
    took: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in results:
        took[one.scenario][one.attempt].append(one.took_s)
    return {
        scenario: {name: round(median(each), 1) for name, each in sorted(attempts.items())}
        for scenario, attempts in sorted(took.items())
    }


def main() -> None:
    """Measure nothing: the result has it."""
    (path,) = sys.argv[1:]
    found = times(read_result(Path(path)).attempts)
    FILE.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
