"""`python tools/compare_results.py BEFORE.json AFTER.json`: what two documents disagree in.

A document is the result of a run (`labctl run --json`) or the grades of a class (`labctl grade
--json`). Compared are, attempt by attempt: verdict, reasons, outcome, exceptions, stack, flows and
the servers' events; submission by submission: state, points, reasons and marks. What differs from
lab to lab is left out: addresses, ports that the kernel chose, dates and how long something took.
Exits with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Facts = dict[str, Any]
"""What two documents must agree in, by the name of an attempt or a submission."""

_VARIABLE = re.compile(
    r"198\.1[89](?:\.\d+){2}(?::\d{4,5}\b)?"  # an address in a lab, and a port beside it
    r"|\b[0-9a-f]{12,}\b|0x[0-9a-f]+"  # ids
    r"|\b\d+\.\d+(?:e-\d+)?\b(?: s\b)?|\b\d+ m?s\b"  # durations
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [^'\"]*? GMT"  # dates (RFC 9110, 5.6.7)
)
_EPHEMERAL = 32768
"""The first port that Linux chooses by itself (net.ipv4.ip_local_port_range)."""


def facts(document: Mapping[str, Any]) -> Facts:
    """Return what a document says, by attempt or submission, without what varies."""
    if "grades" in document:
        return {grade["id"]: _stable(_grade(grade)) for grade in document["grades"]}
    return {_name(attempt): _stable(_attempt(attempt)) for attempt in document["attempts"]}


def differences(before: Facts, after: Facts) -> Iterator[str]:
    """Yield a line for each fact that is not the same in both."""
    for name in sorted(before.keys() | after.keys()):
        if name not in after or name not in before:
            yield f"{name}: only {'before' if name in before else 'after'}"
            continue
        for key, value in before[name].items():
            if value != after[name][key]:
                yield f"{name}: {key}\n  before: {value}\n  after:  {after[name][key]}"


def _name(attempt: Mapping[str, Any]) -> str:
    series = ".".join(attempt["python"].split(".")[:2])
    keys = (attempt["scenario"], attempt["attempt"], series, attempt["client"], attempt["repeat"])
    return " ".join(str(key) for key in keys)


def _attempt(attempt: Mapping[str, Any]) -> Facts:
    observed = attempt["observed"] or {}
    return {
        "verdict": attempt["verdict"],
        "reasons": attempt["reasons"],
        "outcome": observed.get("outcome"),
        "returned": observed.get("returned"),
        "exception": _exception(observed.get("exception")),
        "stack": [f"{frame['module']}:{frame['qualname']}" for frame in observed.get("stack", ())],
        "flows": sorted(map(_flow, observed.get("flows") or ())),
        "events": sorted(map(_event, observed.get("served") or ())),
    }


def _exception(exception: Mapping[str, Any] | None) -> Any:
    if exception is None:
        return None
    group = [_exception(member) for member in exception["group"] or ()]
    links = [_exception(exception["cause"]), _exception(exception["context"])]
    return [exception["type"], exception["symbols"], exception["bases"], links, group]


def _flow(flow: Mapping[str, Any]) -> str:
    port = flow["port"]
    shown = "*" if port is not None and port >= _EPHEMERAL else port
    return f"{flow['protocol']} {flow['host']}:{shown} {flow['outcome']}"


def _event(event: Mapping[str, Any]) -> str:
    return f"{event['service']} {event['event']} {json.dumps(event['detail'], sort_keys=True)}"


def _grade(grade: Mapping[str, Any]) -> Facts:
    return {key: grade[key] for key in ("state", "message", "points", "max_points")} | {
        part["name"]: [part["state"], part["reasons"], part["marks"]] for part in grade["parts"]
    }


def _stable(value: Any) -> Any:
    """Return the value with all that varies from lab to lab replaced by an asterisk."""
    if isinstance(value, str):
        return _VARIABLE.sub("*", value)
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items()}
    return [_stable(item) for item in value] if isinstance(value, list) else value


def main() -> int:
    """Print the differences between two files; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", metavar="BEFORE.json", type=Path)
    parser.add_argument("after", metavar="AFTER.json", type=Path)
    given = parser.parse_args()
    before, after = (
        facts(json.loads(path.read_text("utf-8"))) for path in (given.before, given.after)
    )
    lines = list(differences(before, after))
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(before)} and {len(after)} compared: {len(lines)} differences\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
