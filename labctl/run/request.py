"""What a run is asked for, and what the files that the request names say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labctl.errors import UsageError
from labctl.load.imports import libraries_in
from labctl.load.lock import read_lock
from labctl.load.policy import load_policy
from labctl.load.scenario import read_client
from labctl.model.lock import Lock
from labctl.model.plan import Unit
from labctl.model.policy import Policy
from labctl.model.result import ScenarioInfo
from labctl.model.scenario import Scenario
from labctl.pythons import parse_series
from labctl.run.attempts import Client
from labctl.run.plan import check_selected, check_variants
from labctl.run.selection import catalogue, select
from labctl.run.shards import parse_shard

DEFAULT_POLICY = "default"
"""Given in place of a policy's file: the policy without entries."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How attempts are made: at most `jobs` at once, and none for longer than `limit_s` seconds.

    With `keep`, labs stay when the run has ended. With `fail_fast`, no attempt is begun after one
    that is not as expected. With `alone`, nothing is beside an attempt, neither of this run nor of
    another labctl on this machine.
    """

    jobs: int
    limit_s: float
    keep: bool = False
    fail_fast: bool = False
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a run is asked for, as the command line says it.

    `names`, `everything`, `tags` and `folders` select scenarios, `attempts` some of their attempts.
    `client` is a user's own; it is judged by the file `policy`, if there is one. `only` are the
    units to make of all those asked for; None makes all. `shard` is like 2/5, or empty; `lock` is
    the file that images must agree with. `infos` is what the result is to say of scenarios, where
    that is known already. Packets are written to the folder `pcaps`.
    """

    names: tuple[str, ...] = ()
    everything: bool = False
    tags: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    attempts: tuple[str, ...] = ()
    pythons: str
    client: Client | None = None
    policy: str = ""
    repeat: int = 1
    limits: Limits
    pcaps: Path | None = None
    only: frozenset[Unit] | None = None
    shard: str = ""
    lock: Path | None = None
    infos: Mapping[str, ScenarioInfo] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunInput:
    """What a request means, read and checked. `shard` is a number and a count."""

    scenarios: list[Scenario]
    series: tuple[str, ...]
    policy: Policy | None
    lock: Lock | None
    shard: tuple[int, int] | None

    @property
    def skipped(self) -> list[str]:
        """The names of the scenarios that the policy leaves out."""
        policy = self.policy
        return [s.name for s in self.scenarios if policy.skips(s.name)] if policy else []


def read_request(request: RunRequest) -> RunInput:
    """Read and check all files that a request names. No engine is asked for anything.

    Raise UsageError for a wrong request, and InputError for a wrong file. Whether an attempt
    expects something on a Python's exact version is only known once there are images.
    """
    shard = parse_shard(request.shard) if request.shard else None
    scenarios = select(
        names=request.names,
        everything=request.everything,
        tags=request.tags,
        folders=request.folders,
    )
    check_selected(scenarios, request.attempts)
    policy = _policy(request, scenarios)
    series = parse_series(request.pythons)
    if not policy:
        check_variants(scenarios, series, request.attempts)
    lock = read_lock(request.lock) if request.lock else None
    return RunInput(scenarios=scenarios, series=series, policy=policy, lock=lock, shard=shard)


def read_client_file(path: Path) -> Client:
    """Read a client of the user's own. Raise InputError for a file that can't be read."""
    source = read_client(path)
    return Client(path=path, source=source, requires=libraries_in(source))


def _policy(request: RunRequest, scenarios: Sequence[Scenario]) -> Policy | None:
    """Return the policy that judges the client, as far as it is about these scenarios."""
    if not request.policy:
        return None
    if request.client is None:
        raise UsageError(
            "a policy judges a client of your own", hint="give --client, the file with your client"
        )
    if request.attempts:
        raise UsageError(
            "--attempt has the client judged by what that attempt expects, and not by a policy",
            hint="leave out --attempt, or --policy",
        )
    if request.policy == DEFAULT_POLICY:
        return Policy()
    bundled_and_given = catalogue(request.folders).names()
    names = {*bundled_and_given, *(one.name for one in scenarios), *request.infos}
    return load_policy(Path(request.policy), scenarios=names)
