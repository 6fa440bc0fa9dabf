"""The images of one lab: what the engine calls them, and what their programs can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from labctl.engine.images.names import EVENTS, LAB, ORIGIN, WITHOUT_NFT, full_name
from labctl.engine.runtime import Runtime, doing
from labctl.errors import EngineError
from labctl.model.compose import Service

FindOwn = Callable[[str], str | None]
"""Returns what the engine calls an image of labctl's that a Compose file names (`labctl/lab`), or
None for any other name. Raises EngineError if it is not built.
"""


@dataclass(frozen=True, kw_only=True)
class LabImage:
    """An image that is on the engine. `reference` is what the engine calls it. The programs of one
    that `speaks` write events, and have a lifeline. An image of the lab `lacks_nft` where it could
    not be had.
    """

    reference: str
    speaks: bool
    lacks_nft: bool


@dataclass(frozen=True, kw_only=True)
class LabImages:
    """The images of one lab: that of its taps, and those of its services by the names that Compose
    files have for them. For an image that the engine lacks, there is the error that says so.
    """

    tap: LabImage
    services: Mapping[str, LabImage | EngineError]


def find_images(runtime: Runtime, find_own: FindOwn, services: Iterable[Service]) -> LabImages:
    """Ask the engine for the images of a lab's services and of its taps. Raise EngineError if it
    lacks that of the taps.
    """
    full = {name: full_name(name) for name in (LAB, *(service.image for service in services))}
    asked = {name: _find(runtime, find_own, name) for name in dict.fromkeys(full.values())}
    found = {name: asked[full[name]] for name in full}
    tap = found[LAB]
    if isinstance(tap, EngineError):
        raise needed(tap, "taps need")
    return LabImages(tap=tap, services=found)


def needed(missing: EngineError, who: str) -> EngineError:
    """Return the error for an image that is missing, with who needs it (`service web needs`)."""
    return EngineError(f"{missing.message}, which {who}", where=missing.where, hint=missing.hint)


def _find(runtime: Runtime, find_own: FindOwn, name: str) -> LabImage | EngineError:
    """Ask the engine for an image. If it is not there, return the error that says so."""
    try:
        reference = find_own(name) or name
    except EngineError as error:
        return error
    with doing("looking for images"):
        labels = runtime.image_labels(reference)
    if labels is None:
        return runtime.lacks_image(reference)
    return LabImage(
        reference=reference,
        speaks=EVENTS in labels,
        lacks_nft=labels.get(ORIGIN) == WITHOUT_NFT,
    )
