"""What a client can see and do, on each engine: docs/trust.md has the table."""

from __future__ import annotations

import ast
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from labctl.engine.access import open_engine
from labctl.engine.guard import guarded
from labctl.engine.images.names import client_image
from labctl.judge import observe
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.plan import PlannedAttempt, PlannedLab
from labctl.model.scenario import Target

CLIENT = Path(__file__).with_name("reach_client.py")
PAGE = Path(__file__).parents[2] / "docs" / "trust.md"
COLUMNS = {"docker": 1, "local": 2}
"""The column of each engine in the table, whose first one says what is tried."""
KERNELS = {"/proc/kcore", "/proc/keys", "clone3"}
"""What depends on the kernel."""
VERSIONS = {"/proc/kallsyms", "/sys", "devices", "io_uring_setup", "sockets of virtual machines"}
"""What depends on Docker's version, and on the machine."""
LIMIT_S = 60

pytestmark = pytest.mark.both


def documented(engine: str) -> dict[str, str]:
    """The table's column of an engine, by what is tried."""
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    first = next(n for n, row in enumerate(rows) if row[0] == "what a client tries")
    table: dict[str, str] = {}
    for row in rows[first + 2 :]:
        if len(row) != len(rows[first]):
            break
        table[row[0]] = row[COLUMNS[engine]]
    return table


def seen() -> Mapping[str, str]:
    """What a client could see and do in a lab on the engine that is chosen."""
    access = open_engine()
    [image] = access.images().status([client_image("3.13")])
    compose = bundled_compose()
    lab = PlannedLab(compose=compose, services=(load_compose(compose)["dns"],), attempts=())
    run = secrets.token_hex(4)
    with guarded(access, run), access.for_run(run).lab(lab) as running, running.tap() as tap:
        attempt = PlannedAttempt(
            key="try", scenario="reach", attempt="try", origin="", source=CLIENT.read_text("utf-8"),
            target=Target(host="dns.lab", port=1), interpreter=image.interpreter(image.python),
            services=("dns",),
        )  # fmt: skip
        returned = observe(tap.attempt(attempt, limit_s=LIMIT_S)).returned
    found: dict[str, str] = ast.literal_eval(returned or "")
    return found


def test_a_client_can_do_what_the_page_says_and_nothing_else() -> None:
    engine = open_engine().name
    found = seen()
    print(json.dumps({engine: found}, indent=2))  # noqa: T201 for who runs it with -s
    expected = documented(engine)
    assert list(found) == list(expected)
    varying = KERNELS | VERSIONS if engine == "docker" else KERNELS
    for what in found.keys() - varying:
        assert (what, found[what]) == (what, expected[what])
