"""The lab that is started ahead: who gets it, and when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from labctl.engine.local.labs import Lab
from labctl.engine.local.spare import SpareLab
from labctl.engine.local.store import LocalStore
from labctl.engine.local.wardens import Warden
from labctl.engine.runtime import Refusal


class FakeWarden:
    """The warden of a lab that can't be started."""

    is_closed = False

    def wait_until_ready(self) -> None:
        raise Refusal("a lab cannot be started")

    def close(self) -> None:
        self.is_closed = True


def make_lab() -> tuple[Lab, FakeWarden]:
    warden = FakeWarden()
    return Lab(cast("Warden", warden), "cgroup", network=None), warden


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    return make_store(tmp_path / "one", monkeypatch)


def make_store(cache: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return LocalStore()


def test_the_lab_is_taken_once(store: LocalStore) -> None:
    spare, (lab, warden) = SpareLab(), make_lab()
    assert spare.take(store) is None
    spare.put(lab, store)
    assert spare.take(store) is lab
    assert spare.take(store) is None
    spare.end()
    assert not warden.is_closed, "it is another's now"


def test_a_lab_with_other_mounts_is_left(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare, (lab, _) = SpareLab(), make_lab()
    spare.put(lab, make_store(tmp_path / "other", monkeypatch))
    assert spare.take(store) is None


def test_there_is_one_lab_at_most(store: LocalStore) -> None:
    spare, (first, warden), (second, other) = SpareLab(), make_lab(), make_lab()
    spare.put(first, store)
    spare.put(second, store)
    assert warden.is_closed
    spare.end()
    assert other.is_closed
    assert spare.take(store) is None


def test_a_lab_that_cannot_be_started_is_ended() -> None:
    lab, warden = make_lab()
    with pytest.raises(Refusal, match="cannot be started"):
        lab.wait_until_ready()
    assert warden.is_closed
