"""The results of the parts of a run -> one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.errors import UsageError
from labctl.judge.results import summary
from labctl.model.result import AttemptResult, ImageInfo, Key, Result


def merge(results: Sequence[tuple[str, Result]]) -> Result:
    """All attempts of the results, each of which has a name to tell it by; by scenario, Python,
    attempt and repeat. It took as long as the longest of them.

    UsageError where two have the same attempt, or were made with different versions: nobody could
    tell then which of them a verdict is from.
    """
    first = results[0][1]
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
    names = lines.get(one.scenario, [])
    place = names.index(one.attempt) if one.attempt in names else len(names)
    version = [int(part) for part in one.python.split(".") if part.isdecimal()]
    return (one.scenario, version, place, one.attempt, one.client, one.repeat)


def _told(one: AttemptResult) -> str:
    again = f", repeat {one.repeat}" if one.repeat > 1 else ""
    return f"{one.scenario}/{one.client or one.attempt} on Python {one.python}{again}"


def _check_same(first: str, one: Result, name: str, other: Result) -> None:
    if one.labctl != other.labctl:
        raise UsageError(
            f"{first} is of labctl {one.labctl}, and {name} of {other.labctl}",
            hint="`labctl diff` compares runs; merge the parts of one",
        )


def _check_alike(image: str, first: str, one: ImageInfo, name: str, other: ImageInfo) -> None:
    """Machines that build an image each have one of their own; what is in it must be the same."""
    if (one.python, one.packages) != (other.python, other.packages):
        raise UsageError(
            f"{image} has other versions in {first} than in {name}",
            hint="`labctl diff` tells which; run all parts with --locked",
        )
