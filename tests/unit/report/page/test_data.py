"""The page's data: what is in it, how small it is, and that nothing in it can do harm."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.model.result import (
    AttemptResult,
    ExceptionInfo,
    Frame,
    Ladder,
    LadderRow,
    Origin,
    Request,
    Unhandled,
    Verdict,
)
from labctl.report.documents.page.data import page_data, relative_url
from labctl.report.documents.page.order import worst_first
from labctl.report.documents.page.string_table import StringTable, milliseconds
from labctl.report.html import script_json
from tests.unit.judge.samples import STACK, exception, interpreter, raised, result, returned
from tests.unit.report.kept import kept_output
from tests.unit.report.page.reading import DEPTH, told
from tests.unit.report.page.samples import (
    BECAUSE,
    LADDER,
    broken,
    failing,
    killed,
    many,
    passing,
    run,
    scenario,
    served,
    shown,
    undrawn,
    unproven,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def one_told(attempt: AttemptResult, **changes: Any) -> dict[str, Any]:
    return told(run(attempt, **changes))[0]


def test_the_worst_come_first_and_those_alike_stay_in_their_order() -> None:
    attempts = [
        passing(attempt="a"),
        shown(),
        unproven(),
        failing(attempt="x"),
        passing(attempt="b"),
        broken(),
        failing(attempt="w"),
    ]
    found = [(one.verdict, one.attempt) for one in worst_first(attempts)]
    assert found == [
        (Verdict.ERROR, "smtplib"),
        (Verdict.FAIL, "x"),
        (Verdict.FAIL, "w"),
        (Verdict.INCONCLUSIVE, "smtplib"),
        (None, "my"),
        (Verdict.PASS, "a"),
        (Verdict.PASS, "b"),
    ]


def test_what_attempts_are_filtered_by() -> None:
    attempts = [
        passing(scenario="a", interpreter=interpreter("3.13.5")),
        broken(scenario="b", interpreter=interpreter("3.9.25")),
        shown(scenario="unknown", interpreter=interpreter("3.10.1")),
    ]
    result_ = run(*attempts, scenarios={"a": scenario("a", "tls"), "b": scenario("b", "dns")})
    data: dict[str, Any] = dict(page_data(result_, attempts, "", DEPTH))
    assert data["verdicts"] == ["error", "fail", "inconclusive", "shown", "pass"]
    assert [data["texts"][n] for n in data["layers"]] == ["tls", "dns"]
    assert [data["texts"][n] for n in data["pythons"]] == ["3.9", "3.10", "3.13"]
    places = [(one["verdict"], one["layer"], one["python"]) for one in data["attempts"]]
    assert places == [(4, 0, 2), (0, 1, 0), (3, -1, 1)]


def test_all_that_is_told_of_a_failure() -> None:
    one = one_told(failing())
    assert one["reasons"][0] == "expected ConnectionRefusedError, but TimeoutError was raised"
    assert one["because"] == "Nobody answered the SYN to port 2525 of closed.lab."
    assert one["stack"] == [["application", list(STACK[:2])], ["tls", ["ssl:SSLSocket.read"]]]
    assert one["chain"] == [
        ["", "TimeoutError: timed out", ["errno = None", "bases: OSError, Exception"]],
        [
            "while handling",
            "OSError: [Errno 113] No route to host",
            ["errno = 111, ECONNREFUSED", "bases: OSError, Exception"],
        ],
    ]
    assert one["stdout"].splitlines()[-1] == "trying, the 8. time"
    assert one["stderr"].startswith("\\x1b[31mTraceback")
    assert one["ended"] == 5004
    assert "moments" not in one


def test_the_ladder() -> None:
    one = one_told(passing())
    assert one["because"] == BECAUSE
    assert one["ladder"]["hosts"] == ["dns", "closed.lab"]
    assert one["ladder"]["rows"][0] == (0, 0, 'getaddrinfo("closed.lab", 2525)', "●", 0)
    assert one["ladder"]["rows"][4] == (0, 2, "SYN to port 2525", "●", 0)
    assert one["times"] == [0.3, 1.1, 1.9, 4.2, 4.4, 4.5, 40]
    assert one["ladder"]["notes"] == []


def test_a_long_ladder_is_cut_and_says_so() -> None:
    depth = replace(DEPTH, rows=2)
    one = told(run(passing()), depth)[0]
    assert len(one["ladder"]["rows"]) == len(one["times"]) == 2
    assert one["ladder"]["notes"] == [f"{len(LADDER.rows) - 2} more lines"]
    assert "ladder" not in told(run(passing()), replace(DEPTH, rows=0))[0]


def test_a_row_in_both_directions_and_without_a_time() -> None:
    rows = (LadderRow(source=0, target=1, text="x", both=True),)
    one = one_told(passing().model_copy(update={"ladder": Ladder(hosts=("a",), rows=rows)}))
    assert one["ladder"]["rows"] == [(0, 1, "x", "●", 1)]
    assert one["times"] == [None]


def test_without_a_ladder_there_are_calls_and_packets() -> None:
    one = one_told(undrawn())
    assert one["moments"] == [
        (0, 10, "connect('198.18.0.11', 2525)"),
        (1, 10, "tcp SYN"),
        (2, 20, "tcp RST"),
    ]


def test_what_was_not_made_has_its_reasons_and_facts() -> None:
    one = one_told(broken())
    assert one["reasons"] == ["service dns died:\n  no such file", "run labctl doctor"]
    assert not one.keys() & {"compared", "stack", "chain", "ladder", "moments", "stdout"}


def test_facts() -> None:
    attempt = passing().model_copy(
        update={"libraries": {"requests": "2.32.5"}, "not_judged": ("served",)}
    )
    assert one_told(attempt)["facts"] == [
        ["Scenario", "Nothing listens on the port"],
        ["Layer", "tcp"],
        ["Tags", "core"],
        ["File", "scenarios/tcp/refused-port.yaml:14"],
        ["Python", "3.13.5"],
        ["Libraries", "requests 2.32.5"],
        ["Not judged", "served"],
    ]
    seen = raised(sockets=("tcp 198.18.0.3:2525", "udp"))
    left = one_told(result(seen), scenarios={})["facts"]
    assert left[1] == ["Left open", "tcp 198.18.0.3:2525, udp"]
    assert one_told(shown(), scenarios={})["facts"] == [["Python", "3.13.5"], ["Client", "my.py"]]


@pytest.mark.parametrize(
    ("attempt", "path", "command"),
    [
        (passing(), "", "labctl run refused-port --attempt smtplib --python 3.13"),
        (
            passing(),
            "my scenarios/refused-port.yaml",
            "labctl run 'my scenarios/refused-port.yaml' --attempt smtplib --python 3.13",
        ),
        (shown(), "", "labctl run refused-port --client src/my.py --python 3.13"),
        (
            shown(attempt="smtplib"),
            "",
            "labctl run refused-port --client src/my.py --attempt smtplib --python 3.13",
        ),
    ],
)
def test_the_command_that_makes_it_again(attempt: AttemptResult, path: str, command: str) -> None:
    info = scenario("refused-port").model_copy(update={"path": path})
    found = one_told(attempt, scenarios={"refused-port": info}, request=Request(client="src/my.py"))
    assert found["again"] == command


@pytest.mark.parametrize(
    ("capture", "folder", "wanted"),
    [
        ("pcaps/a+b+3.13.5.pcapng", "", "pcaps/a%2Bb%2B3.13.5.pcapng"),
        ("pcaps/a.pcapng", "out", "../pcaps/a.pcapng"),
        ("out/pcaps/a.pcapng", "out", "pcaps/a.pcapng"),
        ("/srv/pcaps/a.pcapng", "/srv/out", "../pcaps/a.pcapng"),
        ("javascript:alert(1)", "", "javascript%3Aalert%281%29"),
        ("a b/ü?#.pcapng", "", "a%20b/%C3%BC%3F%23.pcapng"),
        ("\ud800.pcapng", "", "%3F.pcapng"),
    ],
)
def test_the_link_to_a_capture(capture: str, folder: str, wanted: str) -> None:
    assert relative_url(capture, folder) == wanted
    one = told(run(passing().model_copy(update={"capture": capture})), folder=folder)[0]
    assert one["capture"][1] == wanted


def test_an_end_without_an_exception_and_what_ended_threads() -> None:
    assert one_told(killed())["chain"] == [["", "killed (SIGKILL)", []]]
    (how, said, _) = one_told(served())["chain"][1]
    assert (how, said) == (
        "unhandled in thread Thread-1",
        "ValueError: [Errno 111] Connection refused",
    )


def test_groups_causes_and_classes_that_the_client_made() -> None:
    made = exception(
        "__main__.Own",
        named="ssl.SSLError",
        attrs={},
        bases=("__main__.Own",),
        origin=Origin(client=True, how="raise", line=3),
    )
    group = exception("ExceptionGroup", message=None, group=(made,), cause=made, attrs={})
    chain = one_told(result(raised(exception=group), expectation=None))["chain"]
    assert [one[:2] for one in chain] == [
        ["", "ExceptionGroup"],
        ["in the group", "__main__.Own: [Errno 111] Connection refused"],
        ["caused by", "__main__.Own: [Errno 111] Connection refused"],
    ]
    assert chain[1][2] == [
        "the client made this class, and called it ssl.SSLError",
        "raised by the client's own code in line 3",
    ]


def deep(number: int) -> ExceptionInfo:
    found = exception()
    for _ in range(number):
        found = exception(cause=found, group=(found, found))
    return found


def test_chains_and_stacks_without_end_are_cut() -> None:
    frames = tuple(Frame(module="m", qualname=f"f{n}", layer="other") for n in range(128))
    ends = tuple(Unhandled(where="a task", exception=deep(3)) for _ in range(9))
    seen = raised(exception=deep(6), stack=frames, omitted_frames=7, unhandled=ends)
    one = one_told(result(seen, expectation=None))
    (_, names) = one["stack"][0]
    assert len(names) == 41
    assert names[20] == "(89 more frames)"
    assert len(one["chain"]) == 13
    assert one["chain"][-1][1].endswith(" more exceptions")


def test_frames_that_are_no_library_code_say_so() -> None:
    fake = Frame(module="socket", qualname="f", layer="transport", genuine=False)
    one = one_told(result(raised(stack=(fake,), omitted_frames=2), expectation=None))
    assert one["stack"] == [
        ["transport", ["socket:f  (not the library's own code)", "(2 frames left out)"]]
    ]


def test_characters_before_are_counted_only_if_none_was_dropped() -> None:
    for number in (400_000, 100_000):
        seen = raised(stdout=kept_output("x" * number))
        bad = one_told(failing().model_copy(update={"observed": seen}))
        assert bad["stdout"] == f"… there was more before\n{'x' * 4000}"


def test_characters_before_are_counted_if_what_was_dropped_comes_later() -> None:
    seen = raised(stdout=f"{'x' * 100}\n[... 9 bytes dropped ...]\n{'y' * 3900}")
    bad = one_told(failing().model_copy(update={"observed": seen}))
    shown = bad["stdout"].splitlines()
    assert shown[0] == "… 27 characters before"
    assert shown[2] == "[... 9 bytes dropped ...]"


def test_of_output_the_end_is_kept() -> None:
    text = "".join(f"line {n}\n" for n in range(9999))
    seen = {"stdout": text, "stderr": " \n"}
    bad = one_told(failing().model_copy(update={"observed": raised(**seen)}))
    kept = bad["stdout"].splitlines()
    assert kept[0] == f"… {len(text) - 1 - 4000:,} characters before"
    assert kept[-1] == "line 9998"
    assert "stderr" not in bad
    good = one_told(passing().model_copy(update={"observed": raised(**seen)}))
    assert len(good["stdout"]) < 700
    none = told(run(result(raised(**seen))), replace(DEPTH, passed=0))[0]
    assert "stdout" not in none


def test_what_many_share_is_there_once() -> None:
    def size(number: int) -> int:
        made = many(number, bad=0)
        return len(script_json(page_data(made, made.attempts, "", DEPTH)))

    assert (size(600) - size(300)) / 300 < 500


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0.00025, 0.2),
        (5.004, 5004),
        (-0.001, -1),
        (None, None),
        (math.nan, None),
        (math.inf, None),
        (1e300, None),
    ],
)
def test_milliseconds(seconds: float | None, wanted: float | None) -> None:
    assert milliseconds(seconds) == wanted


def test_numbers_that_no_time_has_are_none() -> None:
    row = LadderRow(source=0, target=1, text="x", at_s=math.nan)
    seen = raised(elapsed_s=math.inf)
    attempt = result(expectation=None).model_copy(
        update={"observed": seen, "ladder": Ladder(hosts=("a",), rows=(row,))}
    )
    one = one_told(attempt)
    assert one["ended"] is None
    assert one["times"] == [None]


@given(ANY_TEXT)
def test_any_text_is_safe_in_a_script(text: str) -> None:
    pool = StringTable(longest=100)
    pool.text(text)
    pool.head(text, 100)
    pool.tail(text, 100)
    written = script_json(pool.texts)
    assert not set(written) & set("<>&\u2028\u2029\0\x1b")
    assert json.loads(written.encode()) == pool.texts
    assert all(line.isprintable() for said in pool.texts for line in said.split("\n"))


def test_the_json_itself_ends_no_script() -> None:
    assert script_json(["</script><!--&\u2028"]) == (
        '["\\u003c/script\\u003e\\u003c!--\\u0026\\u2028"]'
    )


@pytest.mark.parametrize("most", [1, 5])
def test_a_pool_keeps_each_text_once_and_cuts_it(most: int) -> None:
    pool = StringTable(longest=most)
    assert pool.text("abcdefgh") == pool.text("abcdefgh") == 0
    assert pool.texts == [f"{'abcdefgh'[:most]}…"]
    assert pool.text("b") == 1
    assert pool.block([1, [2]]) == pool.block([1, [2]]) == 0
    assert pool.block([1]) == 1


KINDS: tuple[Callable[..., AttemptResult], ...] = (
    passing,
    failing,
    unproven,
    broken,
    shown,
    served,
    killed,
    undrawn,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_leads_to_a_text(kind: Callable[..., AttemptResult]) -> None:
    one = one_told(kind())
    assert one["again"].startswith("labctl run scenarios/tcp/refused-port.yaml")
    assert one["facts"]


def test_a_client_that_returned_nothing() -> None:
    assert one_told(result(returned(None), expectation=None))["chain"] == [
        ["", "returned None", []]
    ]
