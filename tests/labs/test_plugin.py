"""The pytest plugin on a real engine: the example as its README says, and what ends a session."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labctl.load.bundled import bundled_folder
from tests.labs.footprints import Footprint

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "shop"
LIMIT_S = 600
MOMENT_S = 60
CLIENT = Path("src/orders/client.py")


def start(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """Run `pytest ...` of the interpreter that runs this, with no plugin but those installed."""
    assert command[0] == "pytest"
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
    )


def run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit code and output."""
    with start(command, folder) as process:
        out, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, out


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the example."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    return shutil.copytree(EXAMPLE, tmp_path / "shop", ignore=ignored)


def commands() -> list[list[str]]:
    """What the README tells to type."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_there_are_commands_for_one_process_for_two_and_for_every_python() -> None:
    assert commands() == [
        ["pytest"],
        ["pytest", "-n", "2"],
        ["pytest", "--labctl-python", "all"],
    ]


@pytest.mark.parametrize(
    "command",
    # What the longer commands add is tried below, by fewer tests.
    [
        pytest.param(one, id=" ".join(one), marks=[pytest.mark.whole] if one[1:] else [])
        for one in commands()
    ],
)
def test_the_example_passes_by_its_own_commands(shop: Path, command: list[str]) -> None:
    code, out = run(command, shop)
    assert code == 0, out
    pythons = 6 if "all" in command else 1
    assert f"{10 * pythons} passed" in out


BUGS = {
    "an order is placed again that may have arrived": (
        '{"item": item}, again=HARMLESS)',
        '{"item": item}, again=(*HARMLESS, Unanswered))',
        {
            "test_an_order_that_may_have_arrived_is_not_placed_again",
            "test_a_silent_shop_is_waited_for_in_vain_once",
        },
    ),
    "only a refusal is thought of": (
        "except OSError as error:\n                raise Unreachable",
        "except ConnectionRefusedError as error:\n                raise Unreachable",
        {"test_where_there_is_no_such_host_none_is_tried"},
    ),
    "an answer that is cut off is not thought of": (
        "except (OSError, http.client.HTTPException) as error:",
        "except OSError as error:",
        {"test_half_an_answer_is_none"},
    ),
}


@pytest.mark.parametrize(
    "bug",
    [
        pytest.param(bug, marks=[pytest.mark.whole] if number else [])
        for number, bug in enumerate(BUGS)
    ],
)
def test_a_bug_fails_the_tests_that_are_about_it(shop: Path, bug: str) -> None:
    right, wrong, noticed = BUGS[bug]
    source = (shop / CLIENT).read_text()
    assert source.count(right) == 1
    (shop / CLIENT).write_text(source.replace(right, wrong))
    code, out = run(["pytest", "-n", "2", "tests/test_client.py"], shop)
    assert code == 1
    assert set(re.findall(r"^FAILED tests/test_client\.py::(\w+)", out, re.M)) == noticed
    assert "on Python 3.13 ---" in out
    assert "  │    orders.client:Orders." in out
    assert re.search(r"^ +\d+\.\d +● getaddrinfo\(\"", out, re.M)
    assert "Traceback" not in out


def test_what_was_sent_twice_is_seen_on_the_ladder(shop: Path) -> None:
    right, wrong, _ = BUGS["an order is placed again that may have arrived"]
    (shop / CLIENT).write_text((shop / CLIENT).read_text().replace(right, wrong))
    _, out = run(["pytest", "-k", "may_have_arrived"], shop)
    assert out.count('├─ "POST /orders HTTP/1.1" ─') == 3
    assert out.count("◀─ RST: tcp.lab breaks off ─") == 3


def test_scenario_files_of_a_folder_are_tests(tmp_path: Path) -> None:
    shutil.copy(bundled_folder("scenarios") / "tcp" / "refused-port.yaml", tmp_path)
    wrong = (tmp_path / "refused-port.yaml").read_text().replace("refused-port", "wrong", 1)
    wrong = wrong.replace("- socket:create_connection\n", "- socket:create_conection\n", 1)
    (tmp_path / "wrong.yaml").write_text(wrong)
    code, out = run(["pytest", "-k", "smtplib and not aio", "--labctl-python=3.9,3.13"], tmp_path)
    assert code == 1
    assert "2 failed, 2 passed" in out
    assert "✘ fail  wrong/smtplib on Python 3.13\n" in out
    assert "! socket:create_conection               socket:create_connection\n" in out
    assert "◀─ RST: nobody listens here ─" in out
    assert "Traceback" not in out


SLOW = """\
import time

def fetch(host, port):
    time.sleep(1000)

def test_slow(lab):
    lab.run("own/slow-client.yaml", fetch, timeout=500)
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + MOMENT_S
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about within {MOMENT_S} s"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        pytest.param(signal.SIGINT, [], id="SIGINT-alone"),
        pytest.param(signal.SIGTERM, [], id="SIGTERM-alone"),
        pytest.param(signal.SIGKILL, [], id="SIGKILL-alone", marks=pytest.mark.both),
        pytest.param(signal.SIGINT, ["-n", "1"], id="SIGINT-worker", marks=pytest.mark.whole),
        pytest.param(signal.SIGTERM, ["-n", "1"], id="SIGTERM-worker", marks=pytest.mark.whole),
        pytest.param(signal.SIGKILL, ["-n", "1"], id="SIGKILL-worker"),
    ],
)
def test_whatever_ends_a_session_leaves_nothing(
    footprint: Footprint, tmp_path: Path, number: signal.Signals, workers: list[str]
) -> None:
    text = (bundled_folder("scenarios") / "tcp" / "refused-port.yaml").read_text()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "slow-client.yaml").write_text(text.replace("refused-port", "slow-client"))
    (tmp_path / "test_slow.py").write_text(SLOW)
    with start(["pytest", *workers, "test_slow.py"], tmp_path) as process:
        until(lambda: any("-client-" in name for name in footprint.containers()))
        process.send_signal(number)
        out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == (2 if number == signal.SIGINT else -number), out
    until(lambda: not footprint.all())
