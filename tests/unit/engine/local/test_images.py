"""Images that are built on the local engine, as far as that takes no lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.engine.images.builder import Builder
from labctl.engine.images.interruption import Interruption
from labctl.engine.images.layers import Layer, Recipe
from labctl.engine.local.images import LocalImages
from labctl.engine.local.store import LocalStore


def test_what_was_called_off_before_it_had_its_name_is_removed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    backend = LocalImages(store)
    base = backend.import_tar([bytes(1024)], label="labctl.base=1")
    backend.tag(base, "base:1")
    layer = Layer(files={"a": b"x"}, links={}, labels={"labctl.image": "one"}, recipe=Recipe())
    builder = Builder(backend, report=lambda *_: None, interruption=Interruption(), fresh=False)

    def build_and_call_off() -> None:
        with builder as making:
            assert store.find(making.build(layer, base=base)) is not None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_and_call_off()
    assert [image.id for image in store.all()] == [base]
