"""`labctl run` on an engine made of locks: what is shown, written, kept and cleaned up."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labctl.engine import access, early
from labctl.errors import EngineError, EngineGone
from labctl.load.schema import result_schema
from labctl.model.evidence import Evidence
from labctl.model.plan import PlannedAttempt
from labctl.run import absence
from labctl.run.output import Output
from tests.unit.cli.bench import Bench, Images
from tests.unit.cli.conftest import Labctl
from tests.unit.fake_engine import FakeEngine, interrupted
from tests.unit.judge.samples import evidence, report
from tests.unit.load.texts import SCENARIO, changed, write

EXPECT = "expect: {raises: ConnectionRefusedError}"
TWO = f"{SCENARIO}  wrong:\n    client: import ssl\n    expect: {{raises: TimeoutError}}\n"
MANY = SCENARIO + "".join(f"  a{n}:\n    client: import ssl\n    {EXPECT}\n" for n in range(1, 5))


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write("mine.yaml", SCENARIO)
    return Bench(labctl, monkeypatch)


def verdicts(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["attempt"], one["python"], one["verdict"]) for one in document["attempts"]]


def test_all_as_expected(bench: Bench) -> None:
    done = bench.run("mine.yaml")
    assert (done.code, done.err) == (0, "")
    assert "pass" in done.out
    assert "ConnectionRefusedError" in done.out
    assert bench.engine.limit_s == 30.0
    assert bench.kept is False
    assert len(bench.guards) == 1
    assert bench.engine.said == ["lab mine up", "tap", "lab mine down", "unguarded"]


def test_one_is_not_as_expected(bench: Bench) -> None:
    write("mine.yaml", TWO)
    done = bench.run("mine.yaml")
    assert (done.code, done.err) == (1, "")
    assert "expected TimeoutError" in done.out


def test_the_lab_broke(bench: Bench) -> None:
    bench.engine.broken_labs = frozenset({"mine"})
    done = bench.run("mine.yaml")
    assert (done.code, done.err) == (4, "")
    assert "the lab broke" in done.out
    assert "lab mine can't start" in done.out
    assert "look at its log" in done.out
    assert bench.engine.said == ["sweep", "unguarded"]


def test_pythons_are_run_in_the_order_they_are_named_in(bench: Bench) -> None:
    found = bench.document("mine.yaml", "--python", "3.13,3.9, 3.13")
    assert verdicts(found) == [("socket", "3.13.5", "pass"), ("socket", "3.9.5", "pass")]
    everywhere = bench.document("mine.yaml", "--python", "3.9,all")
    assert len(everywhere["attempts"]) == 6


def test_the_document_has_the_order_of_the_plan_whatever_ends_first(bench: Bench) -> None:
    write("mine.yaml", MANY)
    last_ended = threading.Event()

    def client(_engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.attempt == "a4":
            last_ended.set()
        else:
            assert last_ended.wait(10)

    bench.engine.client = client
    found = bench.document("mine.yaml", "--jobs", "5")
    assert [one["attempt"] for one in found["attempts"]] == ["socket", "a1", "a2", "a3", "a4"]


def test_the_verdict_is_shown_before_the_lab_is_taken_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output, "show", lambda *_: bench.engine.say("shown"))
    bench.run("mine.yaml")
    assert bench.engine.said == ["lab mine up", "tap", "shown", "lab mine down", "unguarded"]


def test_json_on_stdout_is_all_there_is(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--json", "-")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["summary"] == {"pass": 1, "fail": 0, "inconclusive": 0, "error": 0}


def test_json_is_utf_8_whatever_the_terminal_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.leaves = lambda _: evidence(report(stdout="grün"))
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding="ascii") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert bench.run("mine.yaml", "--json", "-").code == 0
        document = json.loads(written.getvalue())
    assert document["attempts"][0]["observed"]["stdout"] == "grün"


def test_json_in_a_file_beside_the_report(bench: Bench) -> None:
    before = os.umask(0o022)
    done = bench.run("mine.yaml", "--json", "result.json")
    os.umask(before)
    assert "pass" in done.out
    document = json.loads(Path("result.json").read_text("utf-8"))
    Draft202012Validator(result_schema()).validate(document)
    assert Path("result.json").stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in Path().iterdir()) == ["mine.yaml", "result.json"]


def test_json_replaces_what_a_link_names(bench: Bench) -> None:
    Path("link.json").symlink_to(write("old.json", "x" * 100_000))
    assert bench.run("mine.yaml", "--json", "link.json").code == 0
    assert Path("link.json").is_symlink()
    assert json.loads(Path("old.json").read_text("utf-8"))["schema"] == "labctl-result/1"


def test_json_into_a_pipe(bench: Bench) -> None:
    os.mkfifo("pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_text("utf-8")))
    reader.start()
    assert bench.run("mine.yaml", "--json", "pipe").code == 0
    reader.join()
    assert json.loads(read[0])["schema"] == "labctl-result/1"
    assert Path("pipe").is_fifo()


def test_json_on_a_full_disk_does_not_cost_the_report(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--json", "/dev/full")
    assert done.code == 2
    assert "pass" in done.out
    assert done.err == (
        "labctl: cannot write /dev/full: No space left on device\n"
        "  hint: give --json a file in a folder that you may write to\n"
    )
    assert bench.engine.said[-1] == "unguarded"


def test_a_reader_that_has_gone_does_not_change_the_verdict(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as gone:  # noqa: PTH123 it is a number
        monkeypatch.setattr(sys, "stdout", gone)
        done = bench.run("mine.yaml", "--json", "result.json")
    assert (done.code, done.err) == (0, "")
    assert verdicts(json.loads(Path("result.json").read_text("utf-8"))) != []


LACKS = "labctl: mine.yaml: attempt"
ADD = "  hint: add a variant that admits it to `expect`, or choose other Pythons with --python\n"


def test_no_variant_for_a_python_is_told_before_the_engine_is_asked_for_anything(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = "expect: [{python: '>=3.12', raises: OSError}, {python: '<3.9', raises: OSError}]"
    text = changed(SCENARIO, EXPECT, variants)
    other = "  other:\n    client: pass\n    expect: [{python: '==3.11.*', raises: OSError}]\n"
    write("mine.yaml", text + other)
    monkeypatch.delattr(access, "ENGINES")
    done = bench.run("mine.yaml", "--python", "3.13,3.11,3.10")
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"{LACKS} socket has no variant for Python 3.11, 3.10; it has: >=3.12, <3.9\n{ADD}"
        f"{LACKS} other has no variant for Python 3.13, 3.10; it has: ==3.11.*\n{ADD}"
    )


def test_a_lab_is_begun_before_what_is_to_run_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(early, "begin_lab_early", lambda: begun.append("lab"))
    assert bench.run("no-such-scenario").code == 2
    assert begun == ["lab"]


def test_where_images_cannot_be_made_other_pythons_are_a_way_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure(*_: object, **__: object) -> None:
        raise EngineError("no 3.12", hint="install it")

    monkeypatch.setattr(Images, "ensure", ensure)
    write("mine.yaml", SCENARIO)
    one = bench.run("mine.yaml", "--python", "3.12")
    assert (one.code, one.err) == (4, "labctl: no 3.12\n  hint: install it\n")
    several = bench.run("mine.yaml", "--python", "3.12,3.13")
    assert (several.code, several.err) == (
        4,
        (
            "labctl: no 3.12\n  hint: install it\n"
            "to do without a Python that can't be had, name the others with --python\n"
        ),
    )


def test_no_variant_for_a_version_starts_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("mine.yaml", changed(SCENARIO, EXPECT, "expect: {python: '!=3.11.5', raises: OSError}"))
    monkeypatch.delattr(Bench, "for_run")
    done = bench.run("mine.yaml", "--python", "3.13,3.11")
    assert (done.code, done.out) == (3, "")
    assert done.err == (f"{LACKS} socket has no variant for Python 3.11.5; it has: !=3.11.5\n{ADD}")


def test_a_client_of_ones_own_is_shown_beside_the_others(bench: Bench) -> None:
    write("my.py", "import ssl")
    found = bench.document("mine.yaml", "--client", "my.py")
    assert [(one["attempt"], one["client"], one["verdict"]) for one in found["attempts"]] == [
        ("socket", "", "pass"),
        ("my", "my.py", None),
    ]
    assert found["summary"]["pass"] == 1


def test_a_client_in_the_place_of_an_attempt_is_judged(bench: Bench) -> None:
    write("mine.yaml", TWO)
    write("my.py", "import ssl")
    found = bench.document("mine.yaml", "--client", "my.py", "--attempt", "wrong")
    assert [(one["attempt"], one["client"], one["verdict"]) for one in found["attempts"]] == [
        ("wrong", "my.py", "fail")
    ]


def test_repeats_that_disagree_are_not_as_expected(bench: Bench) -> None:
    write("mine.yaml", changed(SCENARIO, EXPECT, "expect: {isa: OSError}"))

    def leaves(attempt: PlannedAttempt) -> Evidence:
        name = "TimeoutError" if attempt.repeat == 2 else "ConnectionRefusedError"
        bases = [name, "OSError", "Exception", "BaseException", "object"]
        return evidence(report(exception={"type": name, "message": "x", "bases": bases}))

    bench.engine.leaves = leaves
    assert bench.run("mine.yaml", "--repeat", "3").code == 1
    found = bench.document("mine.yaml", "--repeat", "3")
    assert found["summary"]["pass"] == 3


def test_a_lab_that_is_kept(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--keep")
    assert done.code == 0
    assert bench.kept is True
    assert not bench.guards
    assert "the lab is still there: fake ps " in done.err
    assert re.search("labctl clean [0-9a-f]{8} removes it", " ".join(done.err.split()))


@pytest.mark.parametrize("keep", [True, False])
def test_what_could_not_be_taken_down_is_swept_unless_it_is_to_be_kept(
    bench: Bench, keep: bool
) -> None:
    bench.engine.stuck_labs = frozenset({"mine"})
    done = bench.run("mine.yaml", *(["--keep"] if keep else []))
    assert done.code == 0
    assert "1 attempt: 1 pass" in done.out
    assert done.err.splitlines()[0] == "labctl: warning: lab mine can't be removed"
    assert len(done.err.splitlines()) == (2 if keep else 1)
    assert ("sweep" in bench.engine.said) is not keep


def test_what_the_engine_does_not_let_go_of_costs_nothing_and_is_left_to_the_guard(
    bench: Bench,
) -> None:
    bench.engine.held = EngineError("the engine does not let go of it", hint="restart it")
    done = bench.run("mine.yaml")
    assert done.code == 0
    assert "1 attempt: 1 pass" in done.out
    assert done.err == ("labctl: warning: the engine does not let go of it\n  hint: restart it\n")
    assert bench.guard.stays


def test_an_engine_that_stays_away_keeps_what_was_won_and_is_told_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.attempt == "a2":
            engine.is_there = False
            raise EngineGone("starting the tap: no engine")

    def sweep() -> None:
        raise EngineGone("removing what is left of a run: no engine")

    monkeypatch.setattr(absence, "PATIENCE_S", 0.1)
    monkeypatch.setattr(bench.engine, "sweep", sweep)
    write("mine.yaml", MANY)
    bench.engine.client = client
    done = bench.run("mine.yaml", "--jobs", "1", "--json", "result.json")
    assert done.code == 4
    assert done.err == "labctl: the engine does not answer; waiting up to 60 s\n"
    document = json.loads(Path("result.json").read_text("utf-8"))
    assert document["interrupted"] is False
    made = {one["attempt"]: one["verdict"] for one in document["attempts"]}
    assert [name for name, verdict in made.items() if verdict == "error"] == ["a2", "a3", "a4"]
    assert made["a1"] == "pass"
    assert bench.guard.stays


def test_what_can_not_even_be_swept_is_an_error_of_the_lab_and_costs_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep() -> None:
        raise EngineError("removing what is left of a run: no engine", hint="run `labctl doctor`")

    monkeypatch.setattr(bench.engine, "sweep", sweep)
    bench.engine.stuck_labs = frozenset({"mine"})
    done = bench.run("mine.yaml", "--json", "result.json")
    assert done.code == 4
    assert "1 attempt: 1 pass" in done.out
    assert json.loads(Path("result.json").read_text("utf-8"))["summary"]["pass"] == 1
    assert done.err == (
        "labctl: warning: lab mine can't be removed\n"
        "labctl: removing what is left of a run: no engine\n"
        "  hint: run `labctl doctor`\n"
    )


def test_a_warning_is_harmless_and_unbroken(capsys: pytest.CaptureFixture[str]) -> None:
    Output().warn(EngineError("service \x1b[2J died:\n" + "log " * 40, hint="[look] " * 20))
    assert capsys.readouterr().err == (
        "labctl: warning: service \\x1b[2J died:\n" + "log " * 40 + "\n"
        "  hint: " + "[look] " * 20 + "\n"
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_an_interrupted_run_shows_what_it_has_and_cleans_up(
    bench: Bench, number: signal.Signals, code: int
) -> None:
    write("mine.yaml", MANY)
    bench.engine.client = interrupted(number, "a2")
    done = bench.run("mine.yaml", "--jobs", "1", "--json", "result.json")
    assert done.code == code
    assert "Traceback" not in done.err
    assert "The run was interrupted" in done.out
    assert bench.engine.said[-4:] == ["stop", "lab mine down", "sweep", "unguarded"]
    document = json.loads(Path("result.json").read_text("utf-8"))
    assert document["interrupted"] is True
    assert [one["attempt"] for one in document["attempts"]] == ["socket", "a1"]


def test_an_engine_that_goes_away_while_cleaning_up_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sweep() -> None:
        raise EngineError("removing what is left of a run: no engine", hint="run `labctl doctor`")

    write("mine.yaml", MANY)
    monkeypatch.setattr(bench.engine, "sweep", sweep)
    bench.engine.client = interrupted(signal.SIGINT, "a2")
    done = bench.run("mine.yaml", "--jobs", "1")
    assert done.code == 4
    assert "The run was interrupted" in done.out
    assert done.err == (
        "labctl: removing what is left of a run: no engine\n  hint: run `labctl doctor`\n"
    )


def test_a_bug_shows_what_was_won_and_is_reported(bench: Bench) -> None:
    def client(_engine: FakeEngine, attempt: PlannedAttempt) -> None:
        if attempt.attempt == "a1":
            raise ValueError("oops")

    write("mine.yaml", MANY)
    bench.engine.client = client
    done = bench.run("mine.yaml", "--jobs", "1")
    assert done.code == 70
    assert "ValueError: oops" in done.err
    assert "1 attempt" in done.out
    assert bench.engine.said[-2:] == ["sweep", "unguarded"]


NEEDY = f"{SCENARIO}  httpx:\n    requires: [httpx]\n    client: import httpx\n    {EXPECT}\n"


def test_only_images_that_the_chosen_attempts_need_are_wanted(bench: Bench) -> None:
    write("mine.yaml", NEEDY)
    plain = bench.document("mine.yaml", "--attempt", "socket")
    assert list(plain["images"]) == ["labctl/lab:latest", "labctl/client:3.13"]
    equipped = bench.document("mine.yaml", "--attempt", "httpx")
    assert [*plain["images"], "labctl/client:3.13-libs"] == list(equipped["images"])
    assert equipped["images"]["labctl/client:3.13-libs"]["packages"] == {"httpx": "0.28.1"}


def test_the_document_names_the_libraries_of_an_attempt(bench: Bench) -> None:
    write("mine.yaml", NEEDY)
    found = {one["attempt"]: one["libraries"] for one in bench.document("mine.yaml")["attempts"]}
    assert found == {"socket": {}, "httpx": {"httpx": "0.28.1"}}
