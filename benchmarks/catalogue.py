"""The whole catalogue, beside docker-compose and beside the least that it could take."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from benchmarks import attempts, one_lab
from benchmarks.bench import LABCTL, Bench
from benchmarks.measure import Contestant, Rows, Say, alternate
from benchmarks.process import timed
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.model.scenario import Attempt, Scenario

ALL = "labctl run --all"
LOCAL = "labctl run --all, local engine"
SIX = "labctl run --all --python all"
COMPOSE = "docker-compose, one attempt a scenario"
COMPOSE_EACH = "docker-compose, every attempt"
CONTAINERS = "floor: bare containers"
WAITS = "floor: what the clients take"
FLOOR = "floor: the larger of the two"

SAMPLE = 10
_LIMIT_S = 3600.0
_OF_FLOOR = 64
_HERE = Path(__file__).parent


def measure(bench: Bench, rounds: int, say: Say) -> Rows:
    """Seconds of the whole. Of docker-compose, a sample of ten, scaled."""
    scenarios = Catalogue([bundled_folder("scenarios")], bundled_compose()).all()
    number = sum(len(scenario.attempts) for scenario in scenarios)
    with tempfile.TemporaryDirectory() as folder, attempts.bases(bench) as taken:
        contestants: dict[str, Contestant] = {
            ALL: _all(Path(folder)),
            LOCAL: lambda: {LOCAL: timed([*LABCTL, *_LOCAL], limit_s=_LIMIT_S).ended},
            SIX: lambda: {SIX: timed([*LABCTL, "run", *_EVERY], limit_s=_LIMIT_S).ended},
            CONTAINERS: _containers(bench, taken, number),
            COMPOSE: _compose(bench, Path(folder), scenarios, number),
        }
        rows = alternate(contestants, rounds, say, warm_up=False)
    floors = zip(rows.seconds[CONTAINERS], rows.seconds[WAITS], strict=True)
    rows.seconds[FLOOR] = [max(pair) for pair in floors]
    return rows


_JOBS = ("--jobs", str(attempts.AT_ONCE))
_EVERY = ("--all", "--python", "all", *_JOBS, "--engine", "docker")
_LOCAL = ("run", "--all", *_JOBS, "--engine", "local")


def _all(folder: Path) -> Contestant:
    """It also tells how long its clients ran, all in all, at that many at once."""
    file = folder / "result.json"
    command = [*LABCTL, "run", "--all", *_JOBS, "--engine", "docker", "--json", str(file)]

    def run() -> Mapping[str, float]:
        took = timed(command, limit_s=_LIMIT_S).ended
        found = json.loads(file.read_text("utf-8"))["attempts"]
        return {ALL: took, WAITS: sum(one["elapsed_s"] for one in found) / attempts.AT_ONCE}

    return run


def _containers(bench: Bench, taken: Sequence[str], number: int) -> Contestant:
    bare = attempts.floor(bench, taken, attempts.NO_OP, _OF_FLOOR, ["-V"])

    def run() -> Mapping[str, float]:
        (each,) = bare().values()
        return {CONTAINERS: each * number}

    return run


def _compose(bench: Bench, folder: Path, scenarios: Sequence[Scenario], number: int) -> Contestant:
    """Up, run and down for one attempt of each of a sample, spread evenly over the catalogue."""
    chosen = list(_sample(scenarios))
    environments = [_environment(bench, folder, *one) for one in chosen]

    def run() -> Mapping[str, float]:
        took = sum(
            timed(["sh", str(_HERE / "by_compose.sh"), "up"], env=env).ended for env in environments
        )
        each = took / len(environments)
        return {COMPOSE: each * len(scenarios), COMPOSE_EACH: each * number}

    return run


def _sample(scenarios: Sequence[Scenario]) -> Iterator[tuple[Scenario, Attempt]]:
    """Of those whose first client needs no library."""
    fit = [(one, one.attempts[0]) for one in scenarios if not one.attempts[0].requires]
    fit.sort(key=lambda pair: pair[0].name)
    yield from fit[:: len(fit) // SAMPLE][:SAMPLE]


def _environment(
    bench: Bench, folder: Path, scenario: Scenario, attempt: Attempt
) -> dict[str, str]:
    """As for one lab, with the services and the client of that scenario."""
    services = [service.name for service in scenario.services]
    template = yaml.safe_load((_HERE / "compose.yaml").read_text("utf-8"))
    client, like = template["services"]["client"], template["services"]["closed"]
    client["depends_on"] = services
    template["services"] = {"client": client, **dict.fromkeys(services, like)}
    override = folder / f"{scenario.name}.yaml"
    override.write_text(json.dumps(template), "utf-8")
    return one_lab.environment(bench) | {
        "BENCH_OVERRIDE": str(override),
        "BENCH_SERVICES": " ".join(services),
        "BENCH_SOURCE": attempt.source,
    }
