"""A process that is killed leaves nothing of its run behind, on an engine that speaks HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from labctl.engine import access, guard, sessions
from labctl.engine.access import EngineAccess
from labctl.engine.cleanup import Held, Removed
from labctl.engine.guard import Guard, remove_leftovers
from labctl.engine.runtime import ResourceKind
from labctl.errors import EngineError

LIMIT_S = 20
ROOT = Path(__file__).parents[3]

# Ends as early as it can: the guard's own interpreter has hardly begun to start.
KILLED = """
import os, signal
from tests.unit.engine.test_guard import Open, guarded
with guarded(Open(), "beef"):
    os.killpg(0, signal.SIGKILL)
"""
STAYS = """
from tests.unit.engine.test_guard import Open, guarded
with guarded(Open(), "beef") as guard:
    guard.stay()
"""
ENDED = """
from tests.unit.engine.test_guard import Open, guarded
with guarded(Open(), "beef"):
    pass
"""


@dataclass(frozen=True)
class Open:
    """As much of an EngineAccess as tells what guards its labs."""

    name: str = "docker"
    ends_with_labctl: bool = False


def guarded(opened: Open, run: str) -> AbstractContextManager[Guard]:
    return guard.guarded(cast("EngineAccess", opened), run)


class Engine(ThreadingHTTPServer):
    """Has a container `early` from the start, and `late` when the first sweep is over."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.looks: list[str] = []
        """The label that each look at the containers was for."""
        self.left = ["early"]
        self.removed: list[str] = []
        self.done = threading.Event()

    def containers(self, label: str) -> list[dict[str, Any]]:
        self.looks.append(label)
        if len(self.looks) == 3:
            self.left.append("late")
        return [{"Id": name, "Labels": {}} for name in self.left]

    def remove(self, name: str) -> None:
        self.left.remove(name)
        self.removed.append(name)
        if name == "late":
            self.done.set()


class Answer(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        found: Any = {
            "/version": {"ApiVersion": "1.41"},
            "/v1.41/version": {"ApiVersion": "1.41"},
            "/v1.41/networks": [],
            "/v1.41/volumes": {"Volumes": None},
        }.get(url.path)
        if found is None:
            [filters] = parse_qs(url.query)["filters"]
            found = self.server.containers(*json.loads(filters)["label"])
        self._say(200, json.dumps(found).encode())

    def do_DELETE(self) -> None:
        self.server.remove(urlsplit(self.path).path.rpartition("/")[2])
        self._say(204)

    def _say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests are quiet."""


@contextmanager
def serving() -> Iterator[Engine]:
    with Engine() as engine:
        thread = threading.Thread(target=engine.serve_forever)
        thread.start()
        try:
            yield engine
            wait_for_guards(engine)
        finally:
            engine.shutdown()
            thread.join()


def address_of(engine: Engine) -> str:
    return f"tcp://127.0.0.1:{engine.server_address[1]}"


def wait_for_guards(engine: Engine) -> None:
    """Wait until no process has this engine any more: a guard whose engine goes waits for it."""
    told = f"DOCKER_HOST={address_of(engine)}\0".encode()
    deadline = time.monotonic() + LIMIT_S
    while any(told in environment for environment in environments()):
        assert time.monotonic() < deadline, "a guard has not ended"
        time.sleep(0.05)


def environments() -> Iterator[bytes]:
    """What every process of this machine was started with, as far as it may be read."""
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended
            yield file.read_bytes()


def run(program: str, engine: Engine, **variables: str) -> int:
    """Run it in a process group of its own, with that engine. Its exit code."""
    address = address_of(engine)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DOCKER_HOST": address, **variables},
        cwd=ROOT,
        start_new_session=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode


def test_a_kill_right_after_the_start_leaves_nothing() -> None:
    with serving() as engine:
        assert run(KILLED, engine) == -9
        assert engine.done.wait(LIMIT_S), engine.looks
        assert engine.removed == ["early", "late"]
        assert set(engine.looks) == {"labctl.run=beef"}


def test_a_run_that_has_ended_is_left_alone() -> None:
    with serving() as engine:
        assert run(ENDED, engine) == 0  # it waits for its guard
        assert not engine.looks


def test_labs_that_end_with_labctl_have_no_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(sessions, "start", lambda *args, **_: started.append(args))
    with guarded(Open(ends_with_labctl=True), "beef") as told:
        told.stay()
    assert not started


def test_a_guard_opens_the_engine_that_its_labs_are_on() -> None:
    """Whatever engine was chosen for others meanwhile."""
    with serving() as engine:
        assert run(KILLED, engine, LABCTL_ENGINE="local") == -9
        assert engine.done.wait(LIMIT_S), engine.looks


def test_a_run_that_could_not_remove_everything_leaves_it_to_its_guard() -> None:
    with serving() as engine:
        assert run(STAYS, engine) == 0
        assert engine.done.wait(LIMIT_S), engine.looks


def test_a_guard_tries_until_the_engine_is_back_and_lets_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    answers: list[EngineError | Removed] = [EngineError("no engine"), held(), Removed(), Removed()]

    class Access:
        def sweep(self, run: str) -> Removed:
            said.append(run)
            answer = answers.pop(0)
            if isinstance(answer, EngineError):
                raise answer
            return answer

    def refuse() -> NoReturn:
        raise AssertionError("its labs are on another engine")

    monkeypatch.setattr(access, "ENGINES", {"docker": refuse, "other": Access})
    monkeypatch.setattr(guard, "_LATE_S", 0.0)
    answers.insert(2, held())
    remove_leftovers("other", "beef")
    assert said == ["beef"] * 5
    assert answers == []


def held() -> Removed:
    return Removed(held=(Held(kind=ResourceKind.NETWORK, id="n", reason="it is busy"),))
