"""What is told of a run while it goes on, and at its end."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from labctl.errors import EngineError, UsageError
from labctl.judge import judge
from labctl.model.evidence import Capture
from labctl.model.plan import Plan, PlannedAttempt, PlannedLab
from labctl.model.result import Observation
from labctl.results.attempt import attempt_result, lab_error_result
from labctl.run.examine import EndedAttempt, read_capture, wire_fields
from labctl.run.output import Output
from labctl.run.reporter import WHOLE_RESULTS, Reporter, capture_folder
from tests.unit.judge.samples import interpreter, planned, raised
from tests.unit.report.rendered import result_of
from tests.unit.wire.captures import recorded

FRAME = result_of()
REFUSED = Capture(packets=tuple(recorded("refused")), lost=0, names={}, resolvers=())
HINT = "give --pcap a folder that you may write to"
LADDER = "SYN to port"


@pytest.fixture
def pcaps(tmp_path: Path) -> Path:
    return capture_folder(tmp_path / "pcaps")


def plan_of(*attempts: PlannedAttempt) -> Plan:
    return Plan(labs=(PlannedLab(compose=Path(), services=(), attempts=attempts),))


def ended(
    attempt: PlannedAttempt, *, capture: Capture | None = REFUSED, seen: Observation | None = None
) -> EndedAttempt:
    observed = seen or raised()
    wire = read_capture(capture) if capture else None
    result = attempt_result(attempt, observed, judge(attempt.expectation, observed))
    told = wire_fields(wire, observed) if wire else {}
    return EndedAttempt(
        attempt=attempt, result=result.model_copy(update=told), capture=capture, wire=wire
    )


def broken(attempt: PlannedAttempt) -> EndedAttempt:
    return EndedAttempt(
        attempt=attempt, result=lab_error_result(attempt, EngineError("service dns died"))
    )


def reporter(
    attempts: Sequence[PlannedAttempt], *, json: str = "", pcaps: Path | None = None
) -> Reporter:
    output = Output({"json": json} if json else {})
    return Reporter(plan_of(*attempts), FRAME, output.show, pcaps)


def tell(reporter: Reporter, attempts: Sequence[PlannedAttempt]) -> None:
    for attempt in attempts:
        reporter.add(ended(attempt))


def names(printed: str) -> list[str]:
    document: dict[str, Any] = json.loads(printed)
    return [one["attempt"] for one in document["attempts"]]


FOUR = [planned(attempt=name) for name in ("smtplib", "socket", "asyncio", "urllib")]


def test_results_are_told_in_the_order_of_the_plan_whatever_ended_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = reporter(FOUR, json="-")
    tell(own, [FOUR[2], FOUR[0], FOUR[3], FOUR[1]])
    assert names(capsys.readouterr().out) == ["smtplib", "socket", "asyncio", "urllib"]


def test_repeats_pythons_and_clients_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    old = interpreter("3.9.18")
    attempts = [
        planned(),
        planned(repeat=2),
        planned(interpreter=old),
        planned(client="my.py"),
    ]
    own = reporter(attempts, json="-")
    tell(own, attempts[::-1])
    document = json.loads(capsys.readouterr().out)
    assert [(one["repeat"], one["python"], one["client"]) for one in document["attempts"]] == [
        (1, "3.13.5", ""),
        (2, "3.13.5", ""),
        (1, "3.9.18", ""),
        (1, "3.13.5", "my.py"),
    ]


def test_the_report_comes_with_the_last_attempt_and_only_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = reporter(FOUR)
    tell(own, FOUR[:3])
    before = own.is_complete
    assert capsys.readouterr().out == ""
    tell(own, FOUR[3:])
    assert (before, own.is_complete) == (False, True)
    assert capsys.readouterr().out.count("4 attempts: 4 pass") == 1


def test_what_there_is_can_be_shown_before_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    own = reporter(FOUR)
    tell(own, [FOUR[1], FOUR[0]])
    own.finish_early()
    shown = capsys.readouterr().out
    assert "interrupted" in shown
    assert shown.index("refused-port/smtplib") < shown.index("refused-port/socket")
    assert "2 attempts: 2 pass" in shown
    own.finish_early()
    assert capsys.readouterr().out == ""


def test_a_run_that_ends_before_its_last_attempt_lacks_some(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = reporter(FOUR)
    tell(own, FOUR[:2])
    own.finish()
    assert "these are not all of its attempts" in capsys.readouterr().out


def test_a_run_of_no_attempt_lacks_none(capsys: pytest.CaptureFixture[str]) -> None:
    reporter([]).finish()
    shown = capsys.readouterr().out
    assert shown
    assert "not all" not in shown


@pytest.mark.parametrize(("repeats", "drawn"), [(1, True), (20, True), (21, False)])
def test_pictures_are_drawn_of_twenty_attempts_at_most(
    repeats: int, drawn: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    attempts = [planned(repeat=n + 1) for n in range(repeats)]
    tell(reporter(attempts), attempts)
    shown = capsys.readouterr().out
    assert (LADDER in shown) is drawn
    assert "╰▶ ConnectionRefusedError" in shown


def test_pictures_are_drawn_of_one_scenario_only(capsys: pytest.CaptureFixture[str]) -> None:
    attempts = [planned(), planned(scenario="other")]
    tell(reporter(attempts), attempts)
    assert LADDER not in capsys.readouterr().out


def test_a_picture_has_the_ladder_and_why_it_ended_so(capsys: pytest.CaptureFixture[str]) -> None:
    tell(reporter(FOUR[:1]), FOUR[:1])
    stack, _, rest = capsys.readouterr().out.partition("errno 111 is ECONNREFUSED\n\n")
    assert "╰▶ ConnectionRefusedError" in stack
    ladder, because, *_ = rest.split("\n\n")
    assert "client" in ladder
    assert LADDER in ladder
    assert "RST" in because


def test_where_nothing_was_captured_or_the_lab_broke_there_is_no_picture(
    pcaps: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = reporter(FOUR[:2], pcaps=pcaps)
    own.add(ended(FOUR[0], capture=None))
    own.add(broken(FOUR[1]))
    shown = capsys.readouterr().out
    assert LADDER not in shown
    assert "2 attempts: 1 pass, 1 error" in shown
    assert list(pcaps.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "refused-port+smtplib+3.13.5.pcapng"),
        ({"repeat": 3}, "refused-port+smtplib+3.13.5+3.pcapng"),
        ({"client": "my.py"}, "refused-port+smtplib+my.py+3.13.5.pcapng"),
        ({"client": "my.py", "repeat": 2}, "refused-port+smtplib+my.py+3.13.5+2.pcapng"),
        ({"client": "a b\n+", "attempt": "a b\n"}, "refused-port+a_b_+a_b__+3.13.5.pcapng"),
        ({"interpreter": interpreter("3.9.18")}, "refused-port+smtplib+3.9.18.pcapng"),
    ],
)
def test_a_capture_is_called_after_its_attempt(
    pcaps: Path, changes: dict[str, Any], name: str
) -> None:
    attempt = planned(**changes)
    tell(reporter([attempt], pcaps=pcaps), [attempt])
    (file,) = pcaps.iterdir()
    assert file.name == name
    content = file.read_bytes()
    assert content[:4] == b"\x0a\x0d\x0d\x0a"
    assert f"refused-port, attempt {attempt.attempt}, Python {attempt.interpreter.version}" in (
        content.decode("latin-1")
    )


def test_every_attempt_has_a_capture_of_its_own_even_where_none_is_drawn(pcaps: Path) -> None:
    attempts = [planned(repeat=n + 1) for n in range(25)]
    tell(reporter(attempts, pcaps=pcaps), attempts)
    assert len(list(pcaps.iterdir())) == 25


def test_no_two_captures_have_one_name(pcaps: Path) -> None:
    attempts = [
        planned(scenario="a-b", attempt="c"),
        planned(scenario="a", attempt="b-c"),
        planned(scenario="a", attempt="2", repeat=2),
        planned(scenario="a", attempt="2", client="2"),
        planned(scenario="a", attempt="2", client="3.13.5"),
        planned(scenario="a", attempt="2-3.13.5"),
        planned(scenario="a", attempt="2"),
    ]
    tell(reporter(attempts, pcaps=pcaps), attempts)
    assert len(list(pcaps.iterdir())) == len(attempts)


def test_a_folder_for_captures_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert capture_folder(folder) == folder
    assert folder.is_dir()
    assert capture_folder(folder) == folder


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path, why in ((file, "File exists"), (file / "in", "Not a directory")):
        with pytest.raises(UsageError) as caught:
            capture_folder(path)
        assert caught.value.message == f"cannot write captures to {path}: {why}"
        assert caught.value.hint == HINT


def test_a_capture_that_cannot_be_written(tmp_path: Path) -> None:
    folder = capture_folder(tmp_path / "folder")
    own = reporter(FOUR, pcaps=folder)
    folder.rmdir()
    with pytest.raises(UsageError) as caught:
        tell(own, FOUR[:1])
    assert caught.value.message == f"cannot write captures to {folder}: No such file or directory"
    assert caught.value.hint == HINT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ones_own(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError) as caught:
        capture_folder(tmp_path / "in")
    assert caught.value.message == f"cannot write captures to {tmp_path / 'in'}: Permission denied"


def test_of_thousands_only_the_first_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    attempts = [planned(repeat=number) for number in range(1, WHOLE_RESULTS + 2)]
    follows = reporter(attempts, json=str(path))
    for attempt in attempts:
        follows.add(ended(attempt, capture=None))
    calls = [len(one["observed"]["calls"]) for one in json.loads(path.read_text())["attempts"]]
    assert calls == [1] * WHOLE_RESULTS + [0]
