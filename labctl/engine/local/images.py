"""An ImageBackend that keeps images as folders in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from http import HTTPStatus
from pathlib import Path

from labctl.engine.images.backend import BuildEvent, MixedOutput, StoredImage
from labctl.engine.images.layers import Layer
from labctl.engine.images.origins import engine_architecture
from labctl.engine.labels import has_all
from labctl.engine.local.containers import program_of
from labctl.engine.local.labs import start_lab
from labctl.engine.local.roots import copy_tree
from labctl.engine.local.store import ROOT, LocalImage, LocalStore
from labctl.engine.local.stream import PipeStream
from labctl.engine.local.unpack import place_of, unpack
from labctl.engine.local.wardens import Ending
from labctl.engine.runtime import ContainerSpec, Refusal

_NO_REGISTRY = "the local engine asks no registry"
_OUTPUT_LIMIT = 1 << 20
_CHUNK = 1 << 20
_HOST = "build"


class LocalImages:
    """The ImageBackend of a LocalStore."""

    def __init__(self, store: LocalStore) -> None:
        """Take the store."""
        self._store = store
        self._lock = threading.Lock()
        self._steps: dict[str, Callable[[], None]] = {}
        """What ends each step that is running, by the step's name."""
        self._ended: set[str] = set()
        """The steps that were ended before they ran."""

    def check_ready(self) -> None:
        """Raise Refusal if images can't be kept, or no lab can be started: their steps need one."""
        with self._store.making():
            start_lab(self._store).close()

    def architecture(self) -> str:
        """Return this machine's architecture, in Docker's words: `amd64` or `arm64`."""
        return engine_architecture()

    def find_labelled(self, label: str) -> list[StoredImage]:
        """Return all images with a label, those without a name included. The label is a key, or
        `key=value`.
        """
        return [image for image in self._store.all() if has_all(image.labels, [label])]

    def has(self, image: str) -> bool:
        """Tell whether there is an image."""
        return self._store.find(image) is not None

    def import_tar(self, tar: Iterable[bytes], *, label: str) -> str:
        """Make an image of a tar archive of a root file system, and return its id."""
        key, _, value = label.partition("=")
        try:
            with self._store.making() as place:
                digest, _ = unpack(_source_pieces(tar), place / ROOT)
                image = _identified(LocalImage(labels={key: value}), digest)
                return self._store.keep(place, image).id
        except _SourceError as error:
            raise error.reason from None

    def export_tar(self, image: str) -> Generator[bytes]:
        """Yield the tar archive of an image's root file system; close it to stop early."""
        found = self._get(image)
        root = self._store.root(found)
        lock = self._store.lock(found)
        buffer = io.BytesIO()
        try:
            with tarfile.open(fileobj=buffer, mode="w|", bufsize=_CHUNK) as tar:
                for path in sorted(root.rglob("*")):
                    tar.add(path, str(path.relative_to(root)), recursive=False)
                    yield from _taken(buffer)
            yield from _taken(buffer)
        finally:
            os.close(lock)

    def build(self, layer: Layer, *, base: str) -> Iterator[BuildEvent]:
        """Put a layer on a base, run the commands of its recipe, and yield what happens."""
        recipe = layer.recipe
        if recipe.has_network:
            raise Refusal("steps of a build have no network on the local engine")
        below = self._get(base)
        with self._store.making() as place:
            root = place / ROOT
            lock = self._store.lock(below)
            try:
                copy_tree(self._store.root(below), root)
            finally:
                os.close(lock)
            _add_files(root, layer)
            image = _configured(below, layer)
            for number, command in enumerate(recipe.commands, 1):
                yield BuildEvent(text=f"{' '.join(command)}\n", step=(number, len(recipe.commands)))
                name = f"{place.name}-{number}"
                yield BuildEvent(container=name)
                output = self._run(image, command, root, step=name)
                yield BuildEvent(text=output.text)
                if output.exit_code:
                    yield BuildEvent(
                        error=f"the command {command[0]!r} ended with exit code {output.exit_code}"
                    )
                    return
            made = self._store.keep(place, image)
        # It is a layer, too, so that it is removed if it is called off before it has its name.
        yield BuildEvent(layer=made.id, image=made.id)

    def end_step(self, container: str) -> None:
        """End the program that is a step of a build: the build then fails."""
        with self._lock:
            end = self._steps.get(container)
            if end is None:
                self._ended.add(container)
        if end is not None:
            end()

    def run(self, image: str, command: Sequence[str]) -> MixedOutput:
        """Run a program on a host without a network, and return what it wrote."""
        found = self._get(image)
        lock = self._store.lock(found)
        try:
            return self._run(found, tuple(command), self._store.root(found))
        finally:
            os.close(lock)

    def _run(
        self, image: LocalImage, command: tuple[str, ...], root: Path, *, step: str = ""
    ) -> MixedOutput:
        """Run a program in a root file system to its end, and return what it wrote. A step of a
        build runs as root, and changes the root file system.
        """
        spec = ContainerSpec(
            name=_HOST,
            image="",
            labels={},
            entrypoint=command,
            user="0:0" if step else "",
            is_root_writable=bool(step),
        )
        program = program_of(spec, image, root=root, host=_HOST, hostname=_HOST, keeps_output=False)
        with contextlib.closing(start_lab(self._store)) as lab:
            lab.add_host(_HOST, hostname=_HOST, place=None, sysctls={})
            ending = Ending()
            with contextlib.closing(PipeStream(stdin=False)) as stream:
                written = program._replace(writes_image=bool(step))
                with stream.lending() as (stdin, stdout, _):
                    number = lab.warden.start(written, [stdin, stdout, stdout], ending)
                with self._endable(step, lambda: _kill(lab.warden.kill, number)):
                    output = stream.read(limit=_OUTPUT_LIMIT, deadline=None)
                    code = ending.exit_code()
        return MixedOutput(exit_code=code, text=output.decode("utf-8", "replace"))

    @contextlib.contextmanager
    def _endable(self, step: str, end: Callable[[], None]) -> Iterator[None]:
        """Let `end_step` end a step inside the block."""
        with self._lock:
            self._steps[step] = end
            is_late = step in self._ended
        if is_late:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._steps.pop(step, None)
                self._ended.discard(step)

    def tag(self, image: str, name: str) -> None:
        """Give an image a name. An image that had the name before loses it."""
        self._store.tag(self._get(image), name)

    def remove(self, image: str) -> bool:
        """Remove an image and its unnamed parents; return False if there is no such image. Raise
        ImageInUse if something uses it.
        """
        return self._store.remove(image)

    def remove_unfinished(self, label: str, *, min_age_s: int) -> None:
        """Remove all images with the label `key` that have no name, and that nothing uses, unless
        they are younger than `min_age_s`.
        """
        self._store.remove_unfinished(label, min_age_s=min_age_s)

    def pull(self, image: str) -> Generator[float | None]:
        """Raise Refusal: no image is fetched."""
        del image
        yield from ()
        raise Refusal(_NO_REGISTRY)

    def ask_registry(self, image: str, *, timeout_s: float) -> tuple[int, str]:
        """Return that nobody can be asked."""
        del image, timeout_s
        return HTTPStatus.NOT_IMPLEMENTED, _NO_REGISTRY

    def _get(self, image: str) -> LocalImage:
        """Return an image. Raise Refusal if there is none."""
        found = self._store.find(image)
        if found is None:
            raise Refusal(f"there is no image {image}")
        return found


class _SourceError(Exception):
    """An archive could not be read: the reason is no fault of the store's."""

    def __init__(self, reason: OSError) -> None:
        """Take the reason."""
        super().__init__(str(reason))
        self.reason = reason


def _source_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces of an archive. Raise _SourceError for an OSError of theirs."""
    try:
        yield from pieces
    except OSError as error:
        raise _SourceError(error) from error


def _kill(kill: Callable[[int], None], number: int) -> None:
    """End a program, unless its lab has gone."""
    with contextlib.suppress(Refusal):
        kill(number)


def _taken(buffer: io.BytesIO) -> Iterator[bytes]:
    """Yield what is in a buffer, if there is something, and empty it."""
    if data := buffer.getvalue():
        buffer.seek(0)
        buffer.truncate()
        yield data


def _identified(image: LocalImage, content: str) -> LocalImage:
    """Return an image with its id: a hash of its content and of how its programs run."""
    settings = json.dumps(asdict(replace(image, created=0)), sort_keys=True)
    return replace(image, id=hashlib.sha256(f"{content}\n{settings}".encode()).hexdigest())


def _configured(base: LocalImage, layer: Layer) -> LocalImage:
    """Return what the image of a layer on a base is."""
    recipe = layer.recipe
    made = LocalImage(
        parent=base.id,
        labels={**base.labels, **layer.labels},
        environment={**base.environment, **recipe.environment},
        user=recipe.user or base.user,
        working_dir=recipe.working_dir or base.working_dir,
        entrypoint=recipe.entrypoint or base.entrypoint,
        command=() if recipe.entrypoint else base.command,
    )
    return _identified(made, _digest(layer))


def _digest(layer: Layer) -> str:
    """Return a hash of a layer's files, links and commands."""
    total = hashlib.sha256(layer.recipe.fingerprint)
    for parts in (layer.files, _encoded(layer.links)):
        for path, data in sorted(parts.items()):
            total.update(f"{path}\0{len(data)}\0".encode() + data)
    return total.hexdigest()


def _encoded(links: Mapping[str, str]) -> dict[str, bytes]:
    """Return links with their goals as bytes."""
    return {path: goal.encode() for path, goal in links.items()}


def _add_files(root: Path, layer: Layer) -> None:
    """Write a layer's files and links into a root file system, over what is there."""
    for path, data in layer.files.items():
        place = place_of(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(data)
        place.chmod(0o644)
    for path, goal in layer.links.items():
        place = place_of(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(goal)
