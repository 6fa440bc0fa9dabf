"""The results of the parts of a run -> one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.errors import UsageError
from labctl.model.result import AttemptResult, ImageInfo, Key, Result
from labctl.results.summary import summary

_ONE_RUN = "`labctl diff` compares runs; merge the parts of one"


def merge(results: Sequence[tuple[str, Result]]) -> Result:
    """Join the results of several runs into one, with all attempts by scenario, Python, attempt and
    repeat. Its time is that of the longest run.

    Raise UsageError if two have the same attempt, a shard is missing, or they are not of one run:
    other versions, another client, other scenarios.
    """
    first = results[0][1]
    _check_parts(results)
    attempts: dict[Key, tuple[str, AttemptResult]] = {}
    images: dict[str, tuple[str, ImageInfo]] = {}
    for name, result in results:
        _check_same(results[0][0], first, name, result)
        for image, info in result.images.items():
            other, known = images.setdefault(image, (name, info))
            _check_alike(image, other, known, name, info)
        for attempt in result.attempts:
            other, _ = attempts.setdefault(attempt.key, (name, attempt))
            if other != name:
                raise UsageError(
                    f"{other} and {name} both have {_told(attempt)}",
                    hint="merge the parts of one run: each --shard once",
                )
    scenarios = {k: v for _, result in results for k, v in result.scenarios.items()}
    lines = {k: list(v.lines) for k, v in scenarios.items()}
    ordered = sorted((one for _, one in attempts.values()), key=lambda one: _order(one, lines))
    return first.model_copy(
        update={
            "images": {image: info for image, (_, info) in sorted(images.items())},
            "summary": summary(ordered),
            "interrupted": any(result.interrupted for _, result in results),
            "started": min(result.started for _, result in results),
            "took_s": max(result.took_s for _, result in results),
            "request": first.request.model_copy(update={"shard": ""}),
            "scenarios": dict(sorted(scenarios.items())),
            "attempts": tuple(ordered),
        }
    )


def _order(one: AttemptResult, lines: dict[str, list[str]]) -> tuple[object, ...]:
    """Return a sort key: by scenario, Python, and the attempt's place in the scenario."""
    names = lines.get(one.scenario, [])
    place = names.index(one.attempt) if one.attempt in names else len(names)
    version = [int(part) for part in one.python.split(".") if part.isdecimal()]
    return (one.scenario, version, place, one.attempt, one.client, one.repeat)


def _told(one: AttemptResult) -> str:
    """Return an attempt's name for a message."""
    again = f", repeat {one.repeat}" if one.repeat > 1 else ""
    return f"{one.scenario}/{one.client or one.attempt} on Python {one.python}{again}"


def _check_same(first: str, one: Result, name: str, other: Result) -> None:
    """Raise UsageError if two results are not parts of one run."""
    if one.labctl != other.labctl:
        raise UsageError(
            f"{first} is of labctl {one.labctl}, and {name} of {other.labctl}",
            hint=_ONE_RUN,
        )
    parts = {"shard": "", "jobs": 0, "fail_fast": False}
    if one.request.model_copy(update=parts) != other.request.model_copy(update=parts):
        raise UsageError(f"{first} and {name} were not asked for the same", hint=_ONE_RUN)
    for scenario in one.scenarios.keys() & other.scenarios.keys():
        if one.scenarios[scenario].files != other.scenarios[scenario].files:
            raise UsageError(f"{scenario} is another in {first} than in {name}", hint=_ONE_RUN)


def _check_parts(results: Sequence[tuple[str, Result]]) -> None:
    """Raise UsageError if shards of a run are missing."""
    shards = [(name, result.request.shard) for name, result in results]
    if not any(shard for _, shard in shards):
        return
    counts = {shard.partition("/")[2] for _, shard in shards}
    if len(counts) > 1:
        told = ", ".join(f"{name} is {f'shard {s}' if s else 'none'}" for name, s in shards)
        raise UsageError(f"these are not the shards of one run: {told}", hint=_ONE_RUN)
    count = counts.pop()
    there = {shard for _, shard in shards}
    wanted = [f"{number}/{count}" for number in range(1, int(count) + 1)]
    lacking = [shard for shard in wanted if shard not in there]
    if lacking:
        raise UsageError(f"the run lacks shard {', '.join(lacking)}", hint="merge all of them")


def _check_alike(image: str, first: str, one: ImageInfo, name: str, other: ImageInfo) -> None:
    """Raise UsageError if two images of one name have other versions in them. Each machine builds
    its own, so their ids differ.
    """
    if (one.python, one.packages) != (other.python, other.packages):
        raise UsageError(
            f"{image} has other versions in {first} than in {name}",
            hint="`labctl diff` tells which; run all parts with --locked",
        )
