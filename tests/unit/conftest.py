from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.services import certificates


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates; see LAB_CERTIFICATES."""
    return certificates.write(tmp_path_factory.mktemp("certificates"))
