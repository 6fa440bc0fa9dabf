"""Documents beside the report, whoever reads them; and what they are written from later."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from labctl.model.result import Result
from labctl.report.documents import FORMATS
from tests.unit.cli.bench import Bench
from tests.unit.cli.conftest import Labctl
from tests.unit.load.texts import SCENARIO, changed, write

TWO = f"{SCENARIO}  wrong:\n    client: import ssl\n    expect: {{raises: TimeoutError}}\n"
NAMES = [one.name for one in FORMATS]


@pytest.fixture
def bench(labctl: Labctl, monkeypatch: pytest.MonkeyPatch) -> Bench:
    write("mine.yaml", TWO)
    return Bench(labctl, monkeypatch)


def read(name: str) -> Result:
    return Result.model_validate_json(Path(name).read_bytes())


@pytest.mark.parametrize("verb", ["run", "report", "merge", "rerun"])
def test_one_run_writes_all_formats_at_once(bench: Bench, verb: str) -> None:
    bench.run("mine.yaml", "--json", "result.json")
    given = "mine.yaml" if verb == "run" else "result.json"
    options = [part for name in NAMES for part in (f"--{name}", f"new.{name}")]
    done = bench.labctl(verb, given, *options)
    assert done.code == (0 if verb == "rerun" else 1)
    assert "2 attempts" in done.out
    for name in NAMES:
        assert "refused" in Path(f"new.{name}").read_text("utf-8").lower()


def test_a_document_can_go_to_stdout_and_then_nothing_else_does(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "result.json")
    done = bench.labctl("report", "result.json", "--junit", "-", "--json", "again.json")
    assert done.out.startswith("<?xml")
    assert done.out.rstrip().endswith("</testsuites>")
    assert read("again.json") == read("result.json")


@pytest.mark.parametrize(
    ("places", "where"),
    [(("-", "-"), "stdout"), (("a", "./a"), "./a"), (("a", "b/../a"), "b/../a")],
)
def test_two_documents_in_one_place(bench: Bench, places: tuple[str, str], where: str) -> None:
    Path("b").mkdir()
    done = bench.run("mine.yaml", "--json", places[0], "--html", places[1])
    assert done.code == 2
    assert done.err == (
        f"labctl: --json and --html would both be written to {where}\n"
        "  hint: give each document a file of its own\n"
    )
    assert bench.engine.said == []


def test_a_format_that_cannot_be_written_is_told_by_its_name(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--junit", "none/a.xml")
    assert done.err == (
        "labctl: cannot write none/a.xml\n"
        "  hint: give --junit a file in a folder that you may write to\n"
    )


def test_a_result_says_what_was_run_and_how(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "result.json", "--timeout", "7", "--jobs", "3")
    found = read("result.json")
    assert found.started > 1_700_000_000
    assert 0 <= found.took_s < 60
    assert (found.request.jobs, found.request.timeout_s, found.request.client) == (3, 7.0, "")
    mine = found.scenarios["mine"]
    assert (mine.title, mine.layer, mine.path) == ("Nothing listens", "tcp", "mine.yaml")
    assert mine.files == {"mine.yaml": TWO}
    assert [TWO.splitlines()[line - 1] for line in mine.lines.values()] == ["  socket:", "  wrong:"]
    assert list(mine.lines) == ["socket", "wrong"]


def test_a_scenario_below_has_its_path_from_here(bench: Bench) -> None:
    text = changed(SCENARIO, "client: |\n      import socket", "client: {file: my.py}")
    write("deep/er/mine.yaml", text)
    write("deep/er/my.py", "import socket\n")
    bench.run(Path("deep/er/mine.yaml").absolute(), "--json", "result.json")
    mine = read("result.json").scenarios["mine"]
    assert mine.path == "deep/er/mine.yaml"
    assert mine.files == {"mine.yaml": text, "my.py": "import socket\n"}


def test_an_option_comes_from_the_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"JSON": "env.json", "JOBS": "2", "PYTHON": "3.9", "FAIL_FAST": "1"}.items():
        monkeypatch.setenv(f"LABCTL_{name}", value)
    assert bench.run("mine.yaml", "--jobs", "3").code == 1
    found = read("env.json")
    assert (found.request.jobs, found.request.fail_fast) == (3, True)
    assert {one.python for one in found.attempts} == {"3.9.5"}


def test_a_wrong_value_in_the_environment_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABCTL_JOBS", "many")
    done = bench.run("mine.yaml")
    assert done.code == 2
    assert "'--jobs'" in done.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("{}", "labctl: Field required"),
        ('{"schema": "labctl-result/9"}', "schema: Input should be 'labctl-result/1'"),
        ("[]", "Input should be an object"),
    ],
)
@pytest.mark.parametrize("verb", ["report", "merge", "rerun"])
def test_a_file_that_holds_no_result(bench: Bench, verb: str, text: str, message: str) -> None:
    write("wrong.json", text)
    done = bench.labctl(verb, "wrong.json")
    assert done.code == 3
    assert done.err == (
        f"labctl: wrong.json: is not the result of a run: {message}\n"
        "  hint: give a document that `labctl run --json FILE` wrote\n"
    )


def test_a_file_that_is_not_there(bench: Bench) -> None:
    done = bench.labctl("diff", "old.json", "new.json")
    assert (done.code, done.err) == (3, "labctl: old.json: there is no such file\n")


def test_report_exits_as_the_run_did(bench: Bench) -> None:
    assert bench.run("mine.yaml", "--json", "result.json").code == 1
    done = bench.labctl("report", "result.json")
    assert done.code == 1
    assert "expected TimeoutError" in done.out
    write("mine.yaml", SCENARIO)
    bench.run("mine.yaml", "--json", "result.json")
    assert bench.labctl("report", "result.json").code == 0


def test_github_is_told_where_it_runs_this(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(Path.cwd()))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    write("summary.md", "before\n")
    done = bench.run("mine.yaml")
    assert done.err.startswith("::error file=mine.yaml,line=")
    first, *_, last = done.out.splitlines()
    assert first.startswith("::stop-commands::")
    assert last == f"::{first.removeprefix('::stop-commands::')}::"
    summary = Path("summary.md").read_text("utf-8")
    assert summary.startswith("before\n")
    assert "mine" in summary
    other = bench.run("mine.yaml").out.splitlines()[0]
    assert other != first


def test_github_reads_paths_from_its_workspace(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(Path.cwd()))
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    write("mine.yaml", TWO)
    assert "::error file=sub/mine.yaml,line=" in bench.run("mine.yaml").err


def test_a_document_on_stdout_gives_no_commands_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    done = bench.run("mine.yaml", "--junit", "-")
    first, last, *_ = done.err.splitlines()
    assert last == f"::{first.removeprefix('::stop-commands::')}::"
    assert done.out.startswith("<?xml")


def test_what_goes_wrong_with_one_document_keeps_none_from_being_written(bench: Bench) -> None:
    done = bench.run("mine.yaml", "--json", "/dev/full", "--junit", "a.xml", "--html", "a.html")
    assert done.code == 2
    assert "labctl: cannot write /dev/full: No space left on device" in done.err
    assert Path("a.xml").stat().st_size
    assert Path("a.html").stat().st_size
    assert "2 attempts" in done.out


def test_a_client_whose_name_is_no_text(bench: Bench) -> None:
    client = Path(os.fsdecode(b"my\xff.py"))
    client.write_text("import this\n", "utf-8")
    assert bench.run("mine.yaml", "--client", client, "--json", "a.json").code == 1
    assert read("a.json").request.client == "my\\udcff.py"


@pytest.mark.parametrize("verb", ["report", "merge"])
def test_what_lacks_attempts_or_differs_is_not_all_well(bench: Bench, verb: str) -> None:
    write("mine.yaml", SCENARIO)
    bench.run("mine.yaml", "--json", "a.json")
    document = json.loads(Path("a.json").read_text("utf-8"))
    assert bench.labctl(verb, "a.json").code == 0
    write("b.json", json.dumps({**document, "interrupted": True}))
    assert bench.labctl(verb, "b.json").code == 1
    other = json.loads(json.dumps(document["attempts"][0]))
    other["repeat"] = 2
    other["observed"]["exception"]["type"] = "TimeoutError"
    write("c.json", json.dumps({**document, "attempts": [*document["attempts"], other]}))
    assert bench.labctl(verb, "c.json").code == 1


def test_a_document_names_no_scenario_outside_of_its_folder(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "result.json")
    document = json.loads(Path("result.json").read_text("utf-8"))
    for name in ("..", "../x", "/tmp/x", "a/b", "A", ""):
        info = document["scenarios"]["mine"]
        write("evil.json", json.dumps({**document, "scenarios": {name: info}}))
        done = bench.labctl("rerun", "evil.json")
        assert (done.code, done.err) == (
            3,
            f"labctl: evil.json: no scenario can be called {name!r}\n",
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [("started", 1e300), ("took_s", -1), ("started", "NaN")],
)
@pytest.mark.parametrize("verb", ["report", "merge", "rerun"])
def test_odd_numbers_are_no_result(bench: Bench, verb: str, key: str, value: object) -> None:
    bench.run("mine.yaml", "--json", "result.json")
    document = json.loads(Path("result.json").read_text("utf-8"))
    write("odd.json", json.dumps({**document, key: value}))
    done = bench.labctl(verb, "odd.json", "--junit", "a.xml", "--ctrf", "a.ctrf")
    assert done.code == 3
    assert f"labctl: odd.json: is not the result of a run: {key}: " in done.err


def test_what_a_stranger_wrote_steers_no_terminal(bench: Bench) -> None:
    bench.run("mine.yaml", "--attempt", "wrong", "--json", "result.json")
    text = Path("result.json").read_text("utf-8")
    document = json.loads(text)
    evil = "\x1b[2Jx"
    (attempt,) = document["attempts"]
    attempt["python"] = f"3.{evil}.1"
    attempt["not_judged"] = [evil]
    attempt["expected"] = {"stack": 5}
    attempt["differences"] = [{"what": "stack", "expected": "", "actual": "", "message": evil}]
    attempt["ladder"] = {
        "hosts": [evil],
        "rows": [{"source": 0, "target": 1, "text": evil, "mark": evil}],
        "notes": [evil],
    }
    attempt["observed"]["stack"] = [{"module": "m", "qualname": "f", "layer": evil}]
    write("evil.json", json.dumps(document))
    done = bench.labctl("report", "evil.json", "--junit", "a.xml", "--ctrf", "a.ctrf")
    assert done.code == 1
    assert "\x1b" not in done.out + done.err
    assert "\\x1b[2Jx" in done.out
    assert "\x1b" not in Path("a.xml").read_text("utf-8")
    assert "\x1b" not in bench.labctl("diff", "evil.json", "result.json").out


def test_nobody_else_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    done = bench.run("mine.yaml")
    assert (done.err, Path("summary.md").exists()) == ("", False)
    assert "::" not in done.out.splitlines()[0]


def test_a_summary_that_cannot_be_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "none/summary.md")
    done = bench.run("mine.yaml")
    assert done.code == 2
    assert "cannot write the step's summary to none/summary.md: No such file" in done.err
    assert "expected TimeoutError" in done.out


def test_a_document_names_no_file_outside_of_its_scenarios_folder(bench: Bench) -> None:
    bench.run("mine.yaml", "--json", "result.json")
    for name in ("../x.yaml", "/tmp/x.yaml", "a/../../x", "..", "a\\b"):
        document = json.loads(Path("result.json").read_text("utf-8"))
        document["scenarios"]["mine"]["files"] = {name: SCENARIO}
        write("evil.json", json.dumps(document))
        done = bench.labctl("rerun", "evil.json")
        assert done.code == 3, name
        assert "that is not in its folder" in done.err
