from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labctl.engine import access
from labctl.engines import ENGINE_VARIABLE
from labctl.run import runner, session
from tests.unit.services import certificates


class _IdleProcessors:
    """Processors that nobody uses."""

    def is_full(self) -> bool:
        return False


@pytest.fixture(scope="session", autouse=True)
def _turns_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Labctls of these tests wait for nobody: neither for each other, nor for one that somebody
    uses, nor for a processor.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        for module in (runner, session):
            patch.setattr(module, "ProcessorLoad", _IdleProcessors)
        yield


@pytest.fixture(autouse=True)
def _no_engine_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever engine somebody has chosen, tests choose their own; and no test chooses one for the
    next.
    """
    monkeypatch.setenv(ENGINE_VARIABLE, "")  # so that it is put back even if it is not there now
    monkeypatch.delenv(ENGINE_VARIABLE)
    monkeypatch.setattr(access, "_told", threading.Event())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates; see LAB_CERTIFICATES."""
    return certificates.write(tmp_path_factory.mktemp("certificates"))
