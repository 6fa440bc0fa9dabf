"""A comparison in 80 columns."""

from __future__ import annotations

from typing import Any

from labctl.model.comparison import Compared, Comparison, Retry
from labctl.model.result import Outcome, Verdict
from labctl.report.comparison import render_comparison
from tests.unit.report.rendered import text_of

RETRY = Retry(worth=True, kind="refused", why="it may come back")


def client(**changes: Any) -> Compared:
    given: dict[str, Any] = {
        "attempt": "requests", "verdict": Verdict.PASS, "outcome": Outcome.RAISED,
        "type": "requests.exceptions.ConnectionError", "message": "",
        "bases": ("requests.exceptions.RequestException", "OSError"),
        "caught_by": {
            "OSError": True, "TimeoutError": False, "ConnectionError": False,
            "requests.ConnectionError": True, "requests.Timeout": False,
            "requests.RequestException": True,
        },
        "retry": RETRY,
    }  # fmt: skip
    return Compared(**{**given, **changes})


def lines(*clients: Compared, **changes: Any) -> list[str]:
    given: dict[str, Any] = {"labctl": "0", "scenario": "refused-port", "python": "3.13.5"}
    made = Comparison(**{**given, **changes}, clients=clients)
    return text_of(render_comparison(made)).splitlines()


def test_a_client() -> None:
    assert [line.rstrip() for line in lines(client())] == [
        "refused-port on Python 3.13.5",
        "",
        "  except ...        OSError  TimeoutError  ConnectionError  worth a retry?",
        "✔ requests          yes      no            no               yes",
        "    requests.exceptions.ConnectionError (refused)",
        "    < RequestException < OSError",
        "    except requests.ConnectionError: yes; except requests.Timeout: no;",
        "    except requests.RequestException: yes",
        "",
        "refused, yes: it may come back",
    ]


def test_a_client_that_is_not_as_expected_says_how() -> None:
    said = lines(client(verdict=Verdict.FAIL, reasons=("took 11 s, which is too long",)))
    assert "✘ requests          yes      no            no               yes" in said
    assert "    took 11 s, which is too long" in said


def test_a_client_that_raised_nothing() -> None:
    said = lines(client(outcome=Outcome.RETURNED, type=None, retry=None, caught_by={}, bases=()))
    assert said[-1] == "✔ requests          returned: there is nothing to catch"


def test_what_cannot_be_told() -> None:
    unsaid = Retry(worth=None, kind="unsaid", why="nobody knows")
    said = lines(client(retry=unsaid))
    assert said[3].endswith("can't tell")
    assert said[-1] == "unsaid, can't tell: nobody knows"


def test_no_base_is_lost_where_they_take_several_lines() -> None:
    bases = tuple(f"m.B{n:024}" for n in range(7))
    said = "\n".join(lines(client(bases=bases)))
    assert all(base.removeprefix("m.") in said for base in bases)
    assert "…" not in said


def test_nothing_is_wider_than_80_columns_or_gets_to_the_terminal_raw() -> None:
    long = client(
        attempt="a" * 63, type=f"m.{'x' * 100}\x1b[31m",
        bases=tuple(f"m.B{n:030}" for n in range(9)),
        reasons=("r" * 300, "many words " * 20),
    )  # fmt: skip
    said = lines(long, interrupted=True)
    assert max(map(len, said)) <= 80
    assert not any("\x1b" in line for line in said)
    assert said[0].endswith("these are not all")
