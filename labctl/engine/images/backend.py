"""The seam between images and whatever stores them: what an `ImageBackend` has to provide."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from labctl.engine.runtime import Refusal

if TYPE_CHECKING:
    from labctl.engine.images.layers import Layer


class ImageInUse(Refusal):
    """An image that can't be removed, because a container or another image is made of it."""


class Unwritable(Refusal):
    """Images can't be stored where the engine stores them: its disk is full, or read-only. No other
    image could be stored there, either.
    """


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """An image that the engine has. `size` is in bytes; `names` may be empty.

    `created` is when, in seconds since 1970. `has_parent` says whether it was built on another
    image that the engine has.
    """

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    created: float
    has_parent: bool


@dataclass(frozen=True, kw_only=True)
class BuildEvent:
    """Something that the engine said while it built an image. What it did not say is empty."""

    text: str = ""
    """What it wrote for people."""
    step: tuple[int, int] | None = None
    """The number of the step that begins, from 1, and how many there are."""
    container: str = ""
    """The container that runs the step."""
    layer: str = ""
    """The unfinished image that a step has made."""
    image: str = ""
    """The finished image."""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class MixedOutput:
    """What a program wrote to stdout and stderr together, and its exit code."""

    exit_code: int
    text: str


class ImageBackend(Protocol):
    """Stores the images of one engine. Its methods can be called from several threads at once.

    All raise Refusal if the engine can't or won't do something; those that make images raise
    Unwritable if they can't be stored. An image is named by its id, or by a name such as
    `labctl/client:3.13`.
    """

    def check_ready(self) -> None:
        """Raise Refusal if no image can be made there, whatever it is made of. Called before any
        base is fetched, which may take long.
        """
        ...

    def architecture(self) -> str:
        """Ask the engine for its architecture, in Docker's words: `amd64` or `arm64`."""
        ...

    def find_labelled(self, label: str) -> list[StoredImage]:
        """Ask the engine, by one request, for all images with a label, those without a name
        included. The label is a key, or `key=value`.
        """
        ...

    def has(self, image: str) -> bool:
        """Ask the engine whether it has an image."""
        ...

    def import_tar(self, tar: Iterable[bytes], *, label: str) -> str:
        """Make an image of a tar archive of a root file system, and return its id.

        The image gets the label `key=value`. An exception that the archive raises ends the import,
        and is raised.
        """
        ...

    def export_tar(self, image: str) -> Generator[bytes]:
        """Yield the tar archive of an image's root file system; close it to stop early."""
        ...

    def build(self, layer: Layer, *, base: str) -> Iterator[BuildEvent]:
        """Put a layer on a base, run the commands of its recipe, and yield what happens.

        The unfinished images of a build have the layer's labels, too: what a killed one leaves is
        found by them.
        """
        ...

    def end_step(self, container: str) -> None:
        """Remove the container that runs a step of a build: the build then fails."""
        ...

    def run(self, image: str, command: Sequence[str]) -> MixedOutput:
        """Run a program in a container without a network, and return what it wrote."""
        ...

    def tag(self, image: str, name: str) -> None:
        """Give an image a name. An image that had the name before loses it."""
        ...

    def remove(self, image: str) -> bool:
        """Remove an image and its unnamed parents; return False if there is no such image. Raise
        ImageInUse if a container uses it.
        """
        ...

    def remove_unfinished(self, label: str, *, min_age_s: int) -> None:
        """Remove all images with the label `key` that have no name, and that nothing uses, unless
        they are younger than `min_age_s` by the engine's clock.
        """
        ...

    def pull(self, image: str) -> Generator[float | None]:
        """Fetch an image from its registry; yield the share that is done, or None if the engine
        said something else. Close it to stop early.

        Raise EngineError if the registry does not have it.
        """
        ...

    def ask_registry(self, image: str, *, timeout_s: float) -> tuple[int, str]:
        """Ask the engine what the registry says of an image.

        Return an HTTP status, and the reason if it is not 200. The status is 0 if there was no
        answer in time, and 501 if the engine can't ask.
        """
        ...
