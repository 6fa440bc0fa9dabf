"""The way to the local engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.engine.engine_access import EngineAccess
from labctl.engine.images.store import ImageStore
from labctl.engine.local.images import LocalImages
from labctl.engine.local.limits import weakness
from labctl.engine.local.loaded import LoadedImages
from labctl.engine.local.records import Records
from labctl.engine.local.runtime import LocalRuntime
from labctl.engine.local.store import LocalStore
from labctl.engine.runtime import doing
from labctl.engines import EngineName

if TYPE_CHECKING:
    from labctl.model.check import Check


def open_local() -> EngineAccess:
    """Return the access to the local engine."""
    store = LocalStore()

    def checks() -> Iterator[Check]:
        from labctl.engine.local import doctor  # noqa: PLC0415 only a doctor pays for it

        return doctor.checks(store)

    runtime = LocalRuntime(store, Records())

    def try_out() -> None:
        with doing("the local engine"):
            runtime.prepare()

    return EngineAccess(
        name=EngineName.LOCAL,
        runtime=runtime,
        make_images=lambda: ImageStore(LocalImages(store)),
        own_images=LoadedImages(store),
        checks=checks,
        try_out=try_out,
        weakness=weakness,
        ends_with_labctl=True,
    )
