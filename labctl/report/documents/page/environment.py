"""What a run was made with and asked for: engine, kernel, images."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.model.result import Result
from labctl.report.html import EMPTY, Markup, join, tag
from labctl.text import pluralize


def environment_card(result: Result) -> Markup:
    """Return the HTML of the environment: the engine, and a folded list of images."""
    pairs = (join(tag("dt", key), tag("dd", tag("bdi", said))) for key, said in _facts(result))
    images = (_image(name, result) for name in sorted(result.images))
    folded = tag(
        "details",
        tag("summary", f"{pluralize(len(result.images), 'image')}"),
        tag("ul", *images),
        class_="images",
    )
    shown = folded if result.images else EMPTY
    return tag("section", tag("h2", "Made with"), tag("dl", *pairs), shown, class_="card")


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    """Yield what a run was made with, as name and value."""
    engine, request = result.engine, result.request
    yield "labctl", result.labctl
    yield "Engine", f"{engine.name} {engine.version}"
    if engine.kernel:
        yield "Kernel", f"{engine.kernel} {engine.architecture}".strip()
    yield "Asked for", _asked(result)
    if request.client:
        yield "Client", request.client
    if request.shard:
        yield "Shard", request.shard


def _asked(result: Result) -> str:
    """Return what was asked of the run, as a phrase."""
    request = result.request
    said = [pluralize(request.jobs, "job"), f"{request.timeout_s:g} s a client"]
    times = max((one.repeat for one in result.attempts), default=1)
    said += [f"{times} times each"] if times > 1 else []
    said += ["until the first failure"] if request.fail_fast else []
    return ", ".join(said)


def _image(name: str, result: Result) -> Markup:
    """Return an image as an item of a list."""
    image = result.images[name]
    said = [f"from {image.origin}", f"Python {image.python}" if image.python else "", image.id[:19]]
    said += [f"{package} {version}" for package, version in image.packages.items()]
    return tag(
        "li", tag("code", name), " ", tag("bdi", ", ".join(filter(None, said)), class_="soft")
    )
