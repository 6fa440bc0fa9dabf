"""A wrong line of `served:` is one message with file and line."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Done, Labctl
from tests.unit.load.texts import SCENARIO, changed, write

EXPECT = "    expect: {raises: ConnectionRefusedError}\n"
SERVED = """\
    expect:
      raises: ConnectionRefusedError
      served:
        - mail connect
        - LINE
"""
LIKE = "a server's event looks like 'mail message from=ada@lab.test to=bob@lab.test', not"


def validate(labctl: Labctl, line: str) -> Done:
    text = changed(SCENARIO, "services: [closed]", "services: [mail]")
    write("mine.yaml", changed(text, EXPECT, SERVED.replace("LINE", line)))
    return labctl("validate", "mine.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "mail message",
        "dns query name=mail.lab",
        "mail message from='ada <ada@lab.test>' to=\"a b\" size=",
        "mail message to='a=b # c'",
    ],
)
def test_lines_that_are_right(labctl: Labctl, line: str) -> None:
    assert validate(labctl, f"'{line.replace(chr(39), chr(39) * 2)}'").code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mail", f"{LIKE} 'mail'"),
        ("''", f"{LIKE} ''"),
        ("'mail: HELO'", f"{LIKE} 'mail: HELO'"),
        ("Mail connect", f"{LIKE} 'Mail connect'"),
        ("mail message bob", "after service and event come key=value pairs, not 'bob'"),
        ("mail message To=bob", "after service and event come key=value pairs, not 'To=bob'"),
        ("mail message =bob", "after service and event come key=value pairs, not '=bob'"),
        ("mail message to=a to=b", "to is there twice in 'mail message to=a to=b'"),
        ("mail message to='bob", 'No closing quotation in "mail message to=\'bob"'),
    ],
)
def test_lines_that_are_wrong(labctl: Labctl, line: str, message: str) -> None:
    done = validate(labctl, line)
    assert (done.code, done.out) == (3, "")
    assert done.err == f"labctl: mine.yaml:15: attempts.socket.expect.served[1]: {message}\n"
