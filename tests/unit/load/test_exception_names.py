"""The names that `raises:` may have, and the script that collects them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labctl.model.exceptions import check_exception_name, known_names

SCRIPT = Path(__file__).parents[3] / "tools" / "list_exceptions.py"


@pytest.mark.parametrize(
    "name",
    [
        "ConnectionRefusedError",
        "socket.gaierror",
        "socket.timeout",
        "smtplib.SMTPServerDisconnected",
        "ssl.SSLCertVerificationError",
        "imaplib.IMAP4.abort",
        "asyncio.exceptions.IncompleteReadError",
        "urllib.error.URLError",
        "http.client.RemoteDisconnected",
        "json.decoder.JSONDecodeError",
        "requests.exceptions.ConnectionError",
        "__main__.MyError",
    ],
)
def test_names_that_are_known(name: str) -> None:
    assert check_exception_name(name) == name


def test_the_list_is_sorted_and_holds_names_only() -> None:
    names = sorted(known_names())
    path = Path(__file__).parents[3] / "labctl" / "model" / "stdlib-exceptions.txt"
    assert path.read_text().splitlines() == names
    assert all(part.isidentifier() for name in names for part in name.split("."))


def test_the_script_finds_nothing_that_the_list_lacks() -> None:
    command = [sys.executable, "-I", "-S", str(SCRIPT)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    found = set(output.split())
    assert {"OSError", "socket.gaierror", "imaplib.IMAP4.error", "_queue.Empty"} <= found
    assert found - known_names() == set()
