"""The pipelines for CI: schemas, shells, and what their steps hand to labctl."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from labctl.cli import app
from tests import pipelines
from tests.pipelines import ACTION, GITHUB, GITLAB, ROOT, Ended, Job, inputs

SCHEMAS = {ACTION: "github-actions", GITHUB: "github-workflows", GITLAB: "gitlab-ci"}
SCRIPTS = dict(pipelines.scripts())
OURS = "OWNER/labctl@REF"
FAKE = """#!/bin/sh
# Says how it was called, and ends as it is told.
printf '%s\\n' "$@" >"$SEEN/words"
env | grep ^LABCTL_ | sort >"$SEEN/variables"
case $1 in run | merge) [ -z "$FAKE_RESULT" ] || printf %s "$FAKE_RESULT" >"$LABCTL_JSON" ;; esac
exit "$FAKE_CODE"
"""
BAD = """$(touch x) `touch x` ; touch x; "; touch x; "' ; touch x; ' & touch x"""
RESULT = '{"summary": {"pass": 3, "fail": 1, "inconclusive": 0, "error": 0}}'

each_file = pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)


def check_schema(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """By the copy of the schema that the checker brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    return subprocess.run([*command, path], capture_output=True, text=True, check=False)


@each_file
def test_it_is_what_the_service_reads(path: Path) -> None:
    done = check_schema(SCHEMAS[path], path)
    assert done.returncode == 0, done.stdout


@each_file
def test_the_schema_would_notice(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / path.name
    broken.write_text(re.sub(r"^( +)(run|script):", r"\1\2s:", path.read_text("utf-8"), flags=re.M))
    assert check_schema(SCHEMAS[path], broken).returncode == 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_one(name: str) -> None:
    shells = ("bash", "sh") if name.startswith(GITLAB.name) else ("bash",)
    for shell in shells:
        done = subprocess.run(
            [shell, "-n"], input=SCRIPTS[name], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), shell


@pytest.mark.parametrize("path", [ACTION, GITHUB], ids=lambda path: path.name)
def test_no_expression_is_written_into_a_script(path: Path) -> None:
    """What an input says would be run there."""
    for one in pipelines.steps(path):
        assert "${{" not in one.get("run", ""), one["name"]


def test_actions_of_others_are_pinned_and_the_same_everywhere() -> None:
    used = {
        one["uses"] for path in (ACTION, GITHUB) for one in pipelines.steps(path) if "uses" in one
    }
    others = sorted(used - {OURS})
    assert len(others) > 5
    assert [one for one in others if not re.fullmatch(r"actions/[\w/-]+@v\d+\.\d+\.\d+", one)] == []
    versions = {(one.split("/")[1].split("@")[0], one.partition("@")[2]) for one in others}
    assert len(versions) == len({name for name, _ in versions})


def test_the_workflow_may_do_no_more_than_it_must() -> None:
    tree = pipelines.read(GITHUB)
    assert tree["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in tree["jobs"].values())
    assert all(job["timeout-minutes"] <= 30 for job in tree["jobs"].values())
    assert "pull_request_target" not in GITHUB.read_text("utf-8")
    for one in pipelines.steps(GITHUB):
        if one.get("uses", "").startswith("actions/checkout@"):
            assert one["with"] == {"persist-credentials": False}


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    declared = set(pipelines.read(ACTION)["inputs"])
    given = [set(one["with"]) for one in pipelines.steps(GITHUB) if one.get("uses") == OURS]
    assert len(given) == 2
    assert all(names <= declared for names in given)


def test_expressions_name_what_there_is() -> None:
    tree, text = pipelines.read(ACTION), ACTION.read_text("utf-8")
    used = set(re.findall(r"\binputs\.([\w-]+)", text))
    assert used == set(tree["inputs"])
    ids = {one["id"] for one in pipelines.steps(ACTION) if "id" in one}
    assert set(re.findall(r"\bsteps\.([\w-]+)\.", text)) <= ids
    names = {"inputs", "steps", "runner", "github", "needs", "matrix"}
    for path in (ACTION, GITHUB):
        roots = re.findall(r"\$\{\{.*?\b(\w+)\.[\w.-]+ ", path.read_text("utf-8"))
        assert set(roots) <= names


def test_no_word_of_an_input_has_a_meaning_in_yaml() -> None:
    """Inputs are text: a default that YAML takes for a number or a truth reaches nobody whole."""
    for one in pipelines.read(ACTION)["inputs"].values():
        assert isinstance(one["default"], str)


def verbs() -> dict[str, Any]:
    command: Any = typer.main.get_command(app)
    command.load_all()
    return dict(command.commands)


@pytest.mark.parametrize("name", SCRIPTS)
def test_options_are_ones_of_their_verb(name: str) -> None:
    joined = SCRIPTS[name].replace("\\\n", " ")
    for verb, rest in re.findall(r"\blabctl ([a-z]+)( [^\n;|&>]*)", joined):
        known = {option for one in verbs()[verb].params for option in one.opts}
        assert set(re.findall(r" (--[a-z-]+)", rest)) <= known, rest


def test_variables_are_options() -> None:
    prefix = "LABCTL_"
    options = {
        getattr(one, "envvar", "") for verb in ("run", "merge") for one in verbs()[verb].params
    }
    for path in SCHEMAS:
        text = re.sub(r"#.*", "", path.read_text("utf-8"))
        assert set(re.findall(rf"\b{prefix}[A-Z]+", text)) <= {*options, "LABCTL_SOURCE"}


def test_gitlab_keeps_what_is_found_of_a_job_that_is_red() -> None:
    tree = pipelines.read(GITLAB)
    for name in ("labctl", "labctl-whole"):
        assert tree[name]["artifacts"]["when"] == "always"
    assert [rule["when"] for rule in tree["labctl-whole"]["rules"]] == ["always", "always"]
    shown = [{"if": rule["if"]} for rule in tree["labctl-whole"]["rules"]]
    assert shown == tree[".labctl"]["rules"]


# --- the action's main step, with a labctl that only says how it was called --------------------


class Called:
    """The step `Run labctl`, run once."""

    def __init__(
        self, folder: Path, *, code: str = "0", result: str = RESULT, **given: str
    ) -> None:
        (folder / "bin").mkdir(parents=True)
        fake = folder / "bin" / "labctl"
        fake.write_text(FAKE, "utf-8")
        fake.chmod(0o755)
        told = {"SEEN": str(folder), "FAKE_CODE": code, "FAKE_RESULT": result}
        self.folder = folder
        self.job = Job(folder, inputs(**given), variables=told)
        self.job.path = f"{fake.parent}:{os.environ['PATH']}"

    def run(self) -> Ended:
        return self.job.run(pipelines.step(ACTION, "Run labctl"))

    @property
    def words(self) -> list[str]:
        return (self.folder / "words").read_text("utf-8").splitlines()

    @property
    def variables(self) -> dict[str, str]:
        lines = (self.folder / "variables").read_text("utf-8").splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_the_action_hands_everything_on(tmp_path: Path) -> None:
    called = Called(
        tmp_path, scenarios="refused-port a.yaml", python="3.9,3.13", client="my client.py",
        policy="default", shard="2/3", locked="true", args="--fail-fast\n--jobs 2", report="out",
    )  # fmt: skip
    ended = called.run()
    assert ended.code == 0, ended.err
    assert called.words == [
        "run", "--pcap", "out/pcap", "--fail-fast", "--jobs", "2", "--", "refused-port", "a.yaml",
    ]  # fmt: skip
    assert called.variables == {
        "LABCTL_CLIENT": "my client.py",
        "LABCTL_CTRF": "out/ctrf.json",
        "LABCTL_HTML": "out/index.html",
        "LABCTL_JSON": "out/result.json",
        "LABCTL_JUNIT": "out/junit.xml",
        "LABCTL_LOCKED": "true",
        "LABCTL_POLICY": "default",
        "LABCTL_PYTHON": "3.9,3.13",
        "LABCTL_SHARD": "2/3",
    }
    assert called.job.outputs("labctl") == {"artifact": "labctl-2-of-3", "exit-code": "0"}


@pytest.mark.parametrize("code", ["0", "1", "4"])
def test_the_exit_code_is_handed_on(tmp_path: Path, code: str) -> None:
    called = Called(tmp_path, code=code)
    assert called.run().code == int(code)
    assert called.job.outputs("labctl") == {"artifact": "labctl", "exit-code": code}


@pytest.mark.parametrize("merge", ["", BAD])
def test_nothing_in_an_input_is_run(tmp_path: Path, merge: str) -> None:
    called = Called(
        tmp_path, scenarios=BAD, args=BAD, client=BAD, report=BAD, artifact=BAD, shard=BAD,
        python=BAD, merge=merge,
    )  # fmt: skip
    assert called.run().code == 0
    assert not list(tmp_path.rglob("x"))
    assert called.variables["LABCTL_CLIENT"] == BAD


def test_words_are_no_patterns(tmp_path: Path) -> None:
    called = Called(tmp_path, scenarios="*", args="[a-z]*")
    (called.job.workspace / "a-file").touch()
    assert called.run().code == 0
    assert called.words == ["run", "--pcap", "labctl-report/pcap", "[a-z]*", "--", "*"]


def test_a_scenario_is_never_an_option(tmp_path: Path) -> None:
    called = Called(tmp_path, scenarios="--keep")
    called.run()
    assert called.words[-2:] == ["--", "--keep"]


@pytest.mark.parametrize("field", ["report", "artifact", "shard"])
def test_no_input_adds_an_output(tmp_path: Path, field: str) -> None:
    called = Called(tmp_path, **{field: "a\nexit-code=0"})
    ended = called.run()
    assert ended.code == 2
    assert ended.err == "labctl: report, artifact and shard are one line each\n"
    assert called.job.outputs("labctl") == {}


def test_an_old_result_is_no_result(tmp_path: Path) -> None:
    called = Called(tmp_path, code="4", result="")
    old = called.job.workspace / "labctl-report" / "result.json"
    old.parent.mkdir()
    old.write_text(RESULT, "utf-8")
    assert called.run().code == 4
    assert not old.exists()


def test_results_are_merged_where_they_are(tmp_path: Path) -> None:
    called = Called(tmp_path, merge="all shards", args="--html -", report="whole")
    for name in ("labctl-2-of-2", "labctl-1-of-2"):
        folder = called.job.workspace / "all shards" / name
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(RESULT, "utf-8")
        (folder / "ctrf.json").write_text("{}", "utf-8")
    assert called.run().code == 0
    found = [f"all shards/labctl-{number}-of-2/result.json" for number in (1, 2)]
    assert called.words == ["merge", "--html", "-", "--", *found]


def test_the_sum_has_a_number_for_each_verdict(tmp_path: Path) -> None:
    called = Called(tmp_path, report="out")
    assert called.run().code == 0
    python = called.job.temp / "labctl" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    assert called.job.run(pipelines.step(ACTION, "Sum up")).code == 0
    put_out = called.job.outputs("sum")
    assert put_out == {
        "result": "out/result.json", "pass": "3", "fail": "1", "inconclusive": "0", "error": "0",
    }  # fmt: skip
    declared = pipelines.read(ACTION)["outputs"]
    assert set(declared) == {*put_out, "exit-code"}


# --- the image -----------------------------------------------------------------------------------


def test_the_image_is_built_from_what_pip_installs() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    assert let_in == needed | {"LICENSE", "constraints.txt", "pyproject.toml"}


def test_the_image_has_what_bootstrap_installs() -> None:
    """But for the engine, which runs elsewhere."""
    bootstrap = (ROOT / "bootstrap").read_text("utf-8")
    tools = re.search(r"missing='(mmdebstrap [^']+)'", bootstrap)
    assert tools
    installed = re.search(r"install -y[^&]+", (ROOT / "Dockerfile").read_text("utf-8"))
    assert installed
    assert {*tools[1].split(), "nftables", "python3-venv"} <= set(installed[0].split())


# --- docs/ci.md ----------------------------------------------------------------------------------


def page() -> str:
    return (ROOT / "docs" / "ci.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table of docs/ci.md whose first heading that is."""
    table = page().partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def test_the_page_has_every_input_with_its_default() -> None:
    declared = pipelines.read(ACTION)["inputs"]
    told = {name.strip("`"): default.strip("`") for name, default, _ in rows("input")}
    assert told.pop("artifact") == "labctl"
    assert told == {name: one["default"] for name, one in declared.items() if name != "artifact"}


def test_the_page_has_every_output() -> None:
    told = {name for cells in rows("output") for name in re.findall(r"`([\w-]+)`", cells[0])}
    assert told == set(pipelines.read(ACTION)["outputs"])


def test_the_page_has_every_exit_code() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text("utf-8")
    table = reference.partition("| exit |")[2].partition("\n\n")[0]
    told = {code for cells in rows("exit") for code in re.findall(r"\d+", cells[0])}
    assert told == set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE))


def test_steps_that_the_page_shows_are_ones() -> None:
    shown = re.findall(r"^```yml\n(.*?)^```$", page(), re.DOTALL | re.MULTILINE)
    steps = [step for block in shown for step in yaml.safe_load(block)]
    assert steps
    for step in steps:
        assert step["uses"] == OURS
        assert set(step["with"]) <= set(pipelines.read(ACTION)["inputs"])
