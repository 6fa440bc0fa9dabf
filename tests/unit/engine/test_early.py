"""When a lab is begun before labctl has read what it is to run."""

from __future__ import annotations

import pytest

from labctl.engine.docker import places
from labctl.engine.early import begin_lab_early
from labctl.engine.local import spare
from labctl.engine.local.store import LocalStore
from labctl.engines import EngineName, choose_engine
from labctl.errors import EngineError, UsageError

CASES = {
    "the local engine was chosen": (EngineName.LOCAL, True, 1),
    "Docker was chosen": (EngineName.DOCKER, False, 0),
    "Docker may answer": (EngineName.AUTO, True, 0),
    "there is no Docker": (EngineName.AUTO, False, 1),
}


class Begun(list[LocalStore]):
    """The spare lab of a process: what it was begun with."""

    def begin(self, store: LocalStore) -> None:
        self.append(store)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    made = Begun()
    monkeypatch.setattr(spare, "SPARE", made)
    return made


def have_docker(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    def check() -> None:
        if not is_there:
            raise EngineError("no Docker engine answers")

    monkeypatch.setattr(places, "check_places", check)


@pytest.mark.parametrize(("chosen", "has_docker", "labs"), CASES.values(), ids=CASES)
def test_a_lab_is_begun_where_labs_run_on_the_local_engine(
    begun: Begun, monkeypatch: pytest.MonkeyPatch, chosen: EngineName, has_docker: bool, labs: int
) -> None:
    choose_engine(chosen)
    have_docker(monkeypatch, has_docker)
    begin_lab_early()
    assert len(begun) == labs


@pytest.mark.parametrize("error", [EngineError("no lab"), FileNotFoundError("no /tmp")], ids=str)
def test_what_goes_wrong_is_left_to_the_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Refusing(Begun):
        def begin(self, store: LocalStore) -> None:
            self.append(store)
            raise error

    monkeypatch.setattr(spare, "SPARE", Refusing())
    choose_engine(EngineName.LOCAL)
    begin_lab_early()


def test_an_engine_that_is_none_is_told(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_ENGINE", "dokcer")
    with pytest.raises(UsageError, match="dokcer"):
        begin_lab_early()
    assert not begun
