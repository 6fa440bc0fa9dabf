"""One image in the making, on the engine. What a failed or interrupted one leaves is removed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from labctl.engine.images import names
from labctl.engine.images.backend import BuildEvent, ImageBackend, ImageInUse, StoredImage
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.layers import Layer
from labctl.engine.runtime import doing
from labctl.errors import EngineError

Report = Callable[[str, float | None], None]
"""Called with what is being done, and how much of it is done (0 to 1), or None if nobody knows."""

_CHECK = """
import importlib, json, platform, socket
missing = {}
for name in ("ssl", "ctypes", "hashlib", "select", "zlib", "asyncio", "smtplib", "urllib.request"):
    try:
        importlib.import_module(name)
    except Exception as error:
        missing[name] = str(error)
socket.getaddrinfo("localhost", 25)
print(json.dumps({"version": platform.python_version(), "missing": missing}))
"""


class NotRemoved(EngineError):
    """Something that an unfinished image has left on the engine could not be removed."""


class Builder:
    """Makes one image; a context manager, which removes all that was made if it was in vain."""

    def __init__(
        self, backend: ImageBackend, *, report: Report, interruption: Interruption, fresh: bool
    ) -> None:
        """Take the backend, the function that progress is reported to, and the interruption to look
        at. With `fresh`, no base that was made before is used again.
        """
        self.backend = backend
        self.report = report
        self.interruption = interruption
        self._fresh = fresh
        self._made: list[str] = []
        self._container = ""
        self._left: list[EngineError] = []
        self._output: list[str] = []

    def __enter__(self) -> Self:
        """Return the builder."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Remove the images that were made on the way, if the build failed. Raise NotRemoved, after
        the last of them, if something of the build is left on the engine.
        """
        if kind is None:
            return
        for image in reversed(self._made):
            with self._removing():
                self.remove_image(image)
        if self._left:
            raise NotRemoved(str(self._left[0]), hint=self._left[0].hint)

    def architecture(self) -> str:
        """Ask the engine for its architecture, in Docker's words: `amd64` or `arm64`."""
        return self.backend.architecture()

    def find_base(self, key: str) -> str | None:
        """Ask the engine for the base that was made with this key, and return its id. Return None
        if there is none, or if it must be made fresh.
        """
        if self._fresh:
            return None
        images = self.backend.find_labelled(f"{names.BASE}={key}")
        return next((image.id for image in images if not image.has_parent), None)

    def import_base(self, tar: Iterable[bytes], key: str) -> str:
        """Make an image of the tar archive of a file system, labelled with a key to find it by, and
        return its id.
        """
        label = f"{names.BASE}={key}"
        image = self.backend.import_tar(self.interruption.watch(tar), label=label)
        self._made.append(image)
        return image

    def pull(self, image: str) -> None:
        """Fetch an image from its registry, and report how far it is. Raise Interrupted if
        everything is called off; the engine then stops, too.
        """
        with contextlib.closing(self.backend.pull(image)) as shares:
            for share in self.interruption.watch(shares):
                if share is not None:
                    self.report(f"registry: fetching {image}", share)

    def flatten(self, image: str, key: str) -> str:
        """Make a base, labelled with a key, with the files of an image, without its environment and
        other settings. Return its id.
        """
        with contextlib.closing(self.backend.export_tar(image)) as tar:
            return self.import_base(tar, key)

    def check_python(self, base: str, interpreter: str) -> str:
        """Run the interpreter of a base in a container, and return its full version. Raise
        EngineError if it lacks modules that clients use.
        """
        command = [interpreter, "-I", "-S", "-B", "-c", _CHECK]
        output = self.backend.run(base, command)
        text = output.text.strip()
        if output.exit_code:
            raise EngineError(f"its Python does not run: {text.rpartition(chr(10))[2]}")
        python = json.loads(text)
        if python["missing"]:
            missing = "; ".join(f"{name} ({error})" for name, error in python["missing"].items())
            raise EngineError(f"its Python {python['version']} cannot import {missing}")
        return str(python["version"])

    def build(self, layer: Layer, *, base: str) -> str:
        """Build a layer on a base, and return the image's id.

        If it is interrupted, it removes the container of the current step, and waits until the
        engine's builder has ended: left alone, the builder would go on for a moment and leave
        something behind. Then it raises Interrupted, even if the image was finished after all.
        """
        image, failure = "", ""
        with self.interruption.calling(self._end_container):
            for event in self.backend.build(layer, base=base):
                image = event.image or image
                failure = failure or event.error
                self._follow(event, base)
        self.interruption.check()
        if failure or not image:
            raise EngineError(
                failure.strip() or "the engine did not say which image it built",
                hint="".join(self._output[-5:]).strip(),
            )
        return image

    def give_name(self, image: str, name: str, content: str) -> StoredImage | None:
        """Name a finished image, and remove the one that had the name until now, which has the same
        content. Return None.

        Another labctl may have made the same image meanwhile. Then return that one, and remove the
        own one instead, unless it was to be made fresh: so what others make of theirs stays sound.
        If both give the name at once, the last one has it. The other labctl sees so, and removes
        its own: nobody else can know that an image without a name is finished.
        """
        label = f"{names.CONTENT}={content}"
        had = [
            one
            for one in self.backend.find_labelled(label)
            if one.id != image and _has_name(one, name)
        ]
        if had and not self._fresh:
            self.remove_image(image)
            self._made.clear()
            return had[0]
        self.backend.tag(image, name)
        self._made.clear()
        alike = {one.id: one for one in self.backend.find_labelled(label)}
        for old in had:
            if old.id in alike and not _has_other_names(alike[old.id], name):
                self.remove_image(old.id)
        is_lost = image in alike and not alike[image].names
        winner = next((one for one in alike.values() if is_lost and _has_name(one, name)), None)
        if winner:
            self.remove_image(image)
        return winner

    def remove_image(self, image: str) -> None:
        """Remove an image and its unnamed parents, unless it has gone or something uses it."""
        with contextlib.suppress(ImageInUse):
            self.backend.remove(image)

    def _follow(self, event: BuildEvent, base: str) -> None:
        """Note what the engine's builder has made, by its event, and report the step. After an
        interruption, remove the container of the step.
        """
        self._output.append(event.text)
        if event.step:
            number, total = event.step
            self.report(f"step {number} of {total}", (number - 1) / total)
        if event.container:
            self._container = event.container
        if event.layer and event.layer not in base:
            self._made.append(event.layer)
        if self.interruption.is_set:
            self._end_container()

    def _end_container(self) -> None:
        """End and remove the container of the step that is running, if there is one."""
        if self._container:
            with self._removing():
                self.backend.end_step(self._container)

    @contextlib.contextmanager
    def _removing(self) -> Iterator[None]:
        """Keep the engine's error about a removal for later, so that the next things are removed,
        too, and the engine's builder is followed to its end.
        """
        try:
            with doing("removing what an unfinished image has left"):
                yield
        except EngineError as error:
            self._left.append(error)


def _has_name(image: StoredImage, name: str) -> bool:
    """Tell whether an image has this name."""
    return any(names.is_same_name(one, name) for one in image.names)


def _has_other_names(image: StoredImage, name: str) -> bool:
    """Tell whether an image has names beside this one."""
    return not all(names.is_same_name(one, name) for one in image.names)
