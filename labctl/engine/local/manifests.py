"""The files that tell what is in an archive of images, as Docker and the OCI write them.

Their makers may be hostile: what programs get of them later has no zero bytes.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from labctl.engine.runtime import Refusal

_Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
_Texts = tuple[_Text, ...]
_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Read = TypeVar("_Read")

_NAME_NOTES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
HOW_TO_SAVE = "save one with: docker save NAME -o FILE, or podman save, or skopeo copy ... oci:DIR"


class Platform(BaseModel):
    """What machines an image is for."""

    architecture: str = ""
    os: str = ""

    def __str__(self) -> str:
        """Return it as `linux/amd64`."""
        return f"{self.os}/{self.architecture}"


class Settings(BaseModel):
    """How an image's programs run."""

    environment: _Texts | None = Field(None, alias="Env")
    user: _Text | None = Field(None, alias="User")
    working_dir: _Text | None = Field(None, alias="WorkingDir")
    entrypoint: _Texts | None = Field(None, alias="Entrypoint")
    command: _Texts | None = Field(None, alias="Cmd")
    labels: dict[str, str] | None = Field(None, alias="Labels")


class RootFiles(BaseModel):
    """The digests of an image's layers, uncompressed."""

    diff_ids: tuple[_Digest, ...]


class ImageConfig(Platform):
    """What an image says of itself."""

    settings: Settings | None = Field(None, alias="config")
    rootfs: RootFiles


class Entry(BaseModel):
    """An image in manifest.json."""

    config: str = Field(alias="Config")
    names: tuple[str, ...] | None = Field(None, alias="RepoTags")
    layers: tuple[str, ...] = Field(alias="Layers")


class Descriptor(BaseModel):
    """A file of an OCI layout, and what is known of it where it is named."""

    digest: _Digest
    platform: Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def hex(self) -> str:
        """The digits of its digest."""
        return self.digest.partition(":")[2]

    @property
    def file(self) -> str:
        """Its name."""
        return f"blobs/sha256/{self.hex}"

    @property
    def names(self) -> tuple[str, ...]:
        """What the image is called, where that is said. A tag alone is no name."""
        notes = self.annotations or {}
        said = (notes.get(key, "") for key in _NAME_NOTES)
        return tuple(name for name in said if ":" in name or "/" in name)[:1]


class Node(BaseModel):
    """A manifest, or an index of some."""

    manifests: tuple[Descriptor, ...] | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()


def parsed(kind: TypeAdapter[_Read], data: bytes, name: str) -> _Read:
    """Return what JSON says. Raise Refusal if it is something else."""
    try:
        return kind.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise Refusal(f"{name} is not what it should be: {reason}", hint=HOW_TO_SAVE) from error
