"""One attempt in a lab of its own, from nothing to nothing, done in several ways."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bench import ATTEMPT, LABCTL, SCENARIO, Bench
from benchmarks.measure import Contestant, Rows, Say, alternate
from benchmarks.process import timed
from labctl.load.bundled import bundled_compose

LABCTL_RUN = "labctl run"
LOCAL = "labctl run, local engine"
LOCAL_USER = "labctl run, local engine, as a user"
BY_HAND = "docker, by hand"
BY_HAND_WHOLE = "docker, by hand, all of the lab"
COMPOSE = "docker-compose up, run, down"
COMPOSE_RUN = "docker-compose run, down"
TESTCONTAINERS = "testcontainers"

VERDICT = "verdict"
END = "end"
PROCESSOR = "processor"

_HERE = Path(__file__).parent
_PASSED = f"pass  {SCENARIO}/{ATTEMPT}".encode()
_REFUSED = b"ConnectionRefusedError: [Errno 111]"
_SUBNET = "198.18.0.0/24"
"""The one that compose/lab.yaml uses; labs have it, too, in namespaces of their own."""


def row(contestant: str, moment: str) -> str:
    """The name of a row."""
    return f"{contestant}: {moment}"


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds from before the process starts to the verdict and to its end; of labctl on the local
    engine, also those of the processors. On Docker, most of these are the engine's.
    """
    env = environment(bench)
    run = ["run", SCENARIO, "--attempt", ATTEMPT, "--engine"]
    ours = {LABCTL_RUN: [*LABCTL, *run, "docker"], LOCAL: [*LABCTL, *run, "local"]}
    if bench.as_user:
        ours[LOCAL_USER] = [*bench.as_user, *run, "local"]
    others = {
        BY_HAND: ["sh", str(_HERE / "by_hand.sh")],
        BY_HAND_WHOLE: ["sh", str(_HERE / "by_hand.sh"), "whole"],
        COMPOSE: ["sh", str(_HERE / "by_compose.sh"), "up"],
        COMPOSE_RUN: ["sh", str(_HERE / "by_compose.sh")],
        TESTCONTAINERS: [sys.executable, str(_HERE / "by_testcontainers.py")],
    }
    contestants = {
        name: _contestant(name, command, _PASSED, {}) for name, command in ours.items()
    } | {name: _contestant(name, command, _REFUSED, env) for name, command in others.items()}
    return alternate(contestants, rounds, say)


def _contestant(
    name: str, command: list[str], verdict: bytes, env: Mapping[str, str]
) -> Contestant:
    def run() -> Mapping[str, float]:
        timing = timed(command, waits_for=verdict, env=env)
        found = {row(name, VERDICT): timing.said, row(name, END): timing.ended}
        if name in (LOCAL, LOCAL_USER):
            found[row(name, PROCESSOR)] = timing.processor
        return found

    return run


def environment(bench: Bench) -> dict[str, str]:
    """What the scripts beside this file are told."""
    return {
        "BENCH_RUN": bench.run,
        "BENCH_EXPIRES": bench.labels["labctl.expires"],
        "BENCH_NAME": f"labctl-{bench.run}",
        "BENCH_SUBNET": _SUBNET,
        "BENCH_LAB_IMAGE": bench.lab_image,
        "BENCH_CLIENT_IMAGE": bench.interpreter.image,
        "BENCH_COMPOSE": str(bundled_compose()),
        "BENCH_SOURCE": bench.source,
        "TESTCONTAINERS_RYUK_DISABLED": "true",
    }
