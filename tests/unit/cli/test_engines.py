"""Engines that aren't there, hang, refuse or babble: exit code 4, one message, at once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.cli.conftest import LIMIT_S, Labctl, Listener, command, process
from tests.unit.nobody import NOBODY, let_everybody_enter

VERBS = (["run", "refused-port"], ["clean"], ["images"])
START = (
    "start it (systemctl start docker, or ./bootstrap; with Podman: systemctl --user start "
    "podman.socket), or set DOCKER_HOST"
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_an_engine_that_is_not_there(
    labctl: Labctl, folder: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
    done = labctl(*verb)
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"labctl: no Docker engine answers at unix://{folder}/none.sock\n  hint: {START}\n"
    )
    assert not list(folder.iterdir())


def test_doctor_says_that_the_engine_is_missing(
    labctl: Labctl, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/none.sock")
    done = labctl("doctor")
    assert (done.code, done.err) == (4, "")
    assert done.out.split()[:6] == ["missing", "engine:", "no", "Docker", "engine", "answers"]
    assert "./bootstrap" in done.out


def test_an_engine_that_hangs_is_given_up_before_a_person_would(engine: Listener) -> None:
    absent = _seconds(lambda: process("run", DOCKER_HOST="unix:///none.sock"))
    start = time.monotonic()
    done = process("run")
    took = time.monotonic() - start
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"labctl: the Docker engine at {engine.address} did not answer within 3 s\n"
        "  hint: see whether `docker version` answers; restart the engine if it does not\n"
    )
    assert took - absent < 4.6, "starting labctl takes the rest of the five seconds"


def _seconds(action: Callable[[], object]) -> float:
    """The longest of two tries: the first may find no compiled modules, the machine is shared."""
    found = []
    for _ in range(2):
        start = time.monotonic()
        action()
        found.append(time.monotonic() - start)
    return max(found)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
@pytest.mark.parametrize("verb", ["run", "doctor"])
def test_a_signal_while_the_engine_is_waited_for(
    engine: Listener, verb: str, number: signal.Signals, code: int
) -> None:
    run = subprocess.Popen(command(verb), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + LIMIT_S
    while not engine.was_asked:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    run.send_signal(number)
    out, err = run.communicate(timeout=LIMIT_S)
    assert (run.returncode, out, err) == (code, "", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone without permission")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_an_engine_that_denies_permission(engine: Listener, tmp_path: Path) -> None:
    let_everybody_enter(tmp_path)
    Path(engine.address.removeprefix("unix://")).chmod(0o600)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run(
        [*nobody, *command("run", "refused-port")],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"labctl: no permission to use the Docker engine at {engine.address}\n"
        "  hint: add yourself to the docker group (sudo usermod -aG docker $USER) and log in anew\n"
    )


@contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Something that gives everybody the same answer."""

    def serve() -> None:
        while True:
            peer, _ = server.accept()
            with peer:
                if not peer.recv(65536):
                    return
                peer.sendall(answer)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        with socket.socket(socket.AF_UNIX) as last:  # says nothing, and so ends it
            last.connect(str(path))
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"\x00\xff\x1b[31m",
        b"",
    ],
)
def test_something_that_is_no_engine(
    labctl: Labctl, folder: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    address = f"unix://{folder}/x.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    with answering(folder / "x.sock", answer):
        done = labctl("run", "refused-port")
    assert (done.code, done.out) == (4, "")
    message, hint = done.err.splitlines()
    assert message.startswith(f"labctl: the Docker engine at {address} cannot be used: ") or (
        message == f"labctl: no Docker engine answers at {address}"
    )
    assert message.isprintable()
    assert hint == f"  hint: {START}"


@pytest.mark.parametrize("address", ["tcp://", "nonsense", "ssh://"])
def test_a_docker_host_that_is_no_address(
    labctl: Labctl, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    done = labctl("run", "refused-port")
    assert (done.code, done.out) == (4, "")
    assert "Docker" in done.err
    assert "  hint: " in done.err
