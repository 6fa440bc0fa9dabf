"""Scenario files as tests: what is collected, and how it is told."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

import pytest

from labctl.engine import access
from labctl.errors import EngineError
from labctl.load.bundled import bundled_folder
from labctl.model.layers import LAYERS
from labctl.model.plan import PlannedAttempt
from tests.unit.judge.samples import evidence, report
from tests.unit.plugin.inner import Inner

TWO = """\

  socket:
    client: |
      import socket
      socket.create_connection(("closed.lab", 2525))
    expect: {raises: ConnectionRefusedError}
"""

NO_PYTHON = """\
ERROR: no client image has Python '3.8'
  hint: there are 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, and all
"""
NO_TIME = """\
ERROR: labctl's timeout must be a number of seconds up to 3600, not 0.0
  hint: see --labctl-timeout, and labctl_timeout in the ini file
"""


def listed(inner: Inner, *args: str) -> list[str]:
    """The ids of what is collected."""
    out = inner.run("--collect-only", "-q", *args).out
    return [line for line in out.splitlines() if "::" in line]


def test_there_is_a_test_for_each_attempt_and_python(inner: Inner) -> None:
    path = inner.scenario("quiet")
    path.write_text(path.read_text() + TWO)
    assert listed(inner, "--labctl-python=3.9,3.13") == [
        "quiet.yaml::smtplib[3.9]",
        "quiet.yaml::socket[3.9]",
        "quiet.yaml::smtplib[3.13]",
        "quiet.yaml::socket[3.13]",
    ]
    assert inner.connections == []


def test_each_makes_its_own_attempt_and_knows_the_next(inner: Inner) -> None:
    path = inner.scenario("quiet")
    path.write_text(path.read_text() + TWO)
    made: list[PlannedAttempt] = []
    inner.engine.client = lambda _, attempt: made.append(attempt)
    assert inner.run().code == 0
    assert [one.source.partition("\n")[0] for one in made] == ["import smtplib", "import socket"]
    assert inner.engine.upcoming == ["socket", ""]


def test_all_pass_in_one_lab_that_is_taken_down(inner: Inner) -> None:
    inner.scenario("other")
    inner.scenario("quiet")
    ran = inner.run("--labctl-python=all")
    assert ran.code == 0
    assert set(ran.outcomes().values()) == {"passed"}
    assert inner.engine.said == ["lab other up", "tap", "lab other down", "unguarded"]
    assert len(inner.guards) == 1


def test_the_ini_file_says_which_pythons_and_how_long(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.write("pytest.ini", "[pytest]\nlabctl_python = 3.9\nlabctl_timeout = 2.5\n")
    assert list(inner.run().outcomes()) == ["smtplib[3.9]"]
    assert inner.engine.limit_s == 2.5
    assert list(inner.run("--labctl-python=3.14", "--labctl-timeout=7").outcomes()) == [
        "smtplib[3.14]"
    ]
    assert inner.engine.limit_s == 7.0


@pytest.mark.parametrize(
    ("option", "variable", "ini", "opened"),
    [
        ("", "", "", "docker"),
        ("", "", "local", "local"),
        ("", "docker", "local", "docker"),
        ("local", "docker", "docker", "local"),
        ("auto", "local", "local", "docker"),
    ],
)
def test_the_option_and_then_the_variable_and_then_the_ini_file_choose_the_engine(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, option: str, variable: str, ini: str, opened: str
) -> None:
    engines = {name: inner.opening(name) for name in ("docker", "local")}
    monkeypatch.setattr(access, "ENGINES", engines)
    monkeypatch.setenv("LABCTL_ENGINE", variable)
    inner.scenario("quiet")
    inner.write("pytest.ini", f"[pytest]\nlabctl_engine = {ini}\n")
    ran = inner.run(*([f"--labctl-engine={option}"] if option else []))
    assert ran.code == 0
    assert inner.connections == [opened]


def test_where_labs_run_is_said_although_pytest_captures(
    inner: Inner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> NoReturn:
        raise EngineError("no engine")

    monkeypatch.setattr(access, "ENGINES", {"docker": refuse, "local": inner.opening("local")})
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    inner.scenario("quiet")
    said = "labctl: Docker does not answer (no engine): labs run on the local engine\n"
    assert inner.run().err == said


def test_other_yaml_is_left_alone_and_so_are_compose_files(inner: Inner) -> None:
    inner.write("broken.yaml", "a: [\n")
    inner.write("retry.yaml", "attempts: 3\n")
    inner.write("lab.yaml", "attempts: 3\nlayer: none of ours\n")
    inner.write("test_one.py", "def test_one(): pass\n")
    assert listed(inner) == ["test_one.py::test_one"]
    assert inner.run().code == 0


def test_a_file_can_be_named(inner: Inner) -> None:
    inner.scenario("other")
    inner.scenario("quiet")
    assert listed(inner, "quiet.yaml") == ["quiet.yaml::smtplib[3.13]"]
    assert listed(inner, "quiet.yaml::smtplib[3.13]") == ["quiet.yaml::smtplib[3.13]"]


@pytest.mark.parametrize(
    ("args", "chosen"),
    [
        (["-k", "quiet"], ["quiet"]),
        (["-k", "smtplib"], ["odd", "quiet"]),
        (["-m", "udp"], ["odd"]),
        (["-m", "core"], ["quiet"]),
        (["-m", "two-words"], ["odd"]),
        (["-m", "labctl"], ["odd", "quiet"]),
        (["-m", "not labctl"], []),
    ],
)
def test_names_and_markers_choose(inner: Inner, args: list[str], chosen: list[str]) -> None:
    inner.scenario("quiet")
    inner.scenario("odd", layer="udp", tags="[two-words]")
    assert listed(inner, *args) == [f"{name}.yaml::smtplib[3.13]" for name in chosen]


@pytest.mark.parametrize("tag", ["skip", "xfail", "usefixtures"])
def test_tags_do_not_do_what_markers_of_that_name_do(inner: Inner, tag: str) -> None:
    inner.scenario("quiet", tags=f"[{tag}]")
    assert inner.run().outcomes() == {"smtplib[3.13]": "passed"}


def test_every_layer_is_registered(inner: Inner) -> None:
    markers = inner.run("--markers").out
    assert "@pytest.mark.labctl: runs in a lab: needs Docker" in markers
    for layer in LAYERS:
        assert f"@pytest.mark.{layer}: scenarios of the layer {layer} (labctl)" in markers
    assert "@pytest.mark.core: scenarios with the tag core (labctl)" in markers


def test_mistakes_are_told_with_their_lines_and_no_traceback(inner: Inner) -> None:
    inner.scenario("quiet", layer="tpc", expect="{raises: OSErorr}")
    inner.scenario("other")
    ran = inner.run("--continue-on-collection-errors")
    assert (
        "_________________________ ERROR collecting quiet.yaml __________________________\n"
        'quiet.yaml:3: layer: must be "dns", "tcp", "udp", "tls", "smtp", "http", "ftp", "imap", '
        '"pop3" or "other", not "tpc"; did you mean "tcp"?\n'
        "quiet.yaml:" in ran.out
    )
    assert "no exception is called OSErorr; did you mean OSError?\n" in ran.out
    assert "Traceback" not in ran.out
    assert "load_scenario" not in ran.out
    assert ran.outcomes() == {"smtplib[3.13]": "passed"}


def test_an_attempt_without_a_variant_for_a_python_is_a_mistake(inner: Inner) -> None:
    inner.scenario("quiet", expect='{python: ">=3.11", raises: ConnectionRefusedError}')
    ran = inner.run("--labctl-python=3.9,3.13")
    assert (
        "quiet.yaml: attempt smtplib has no variant for Python 3.9; it has: >=3.11\n"
        "  hint: add a variant that admits it to `expect`, or choose other Pythons with --python\n"
    ) in ran.out
    assert inner.connections == []


def test_a_variant_for_another_version_of_that_python_is_one_when_that_is_known(
    inner: Inner,
) -> None:
    inner.scenario("quiet", expect='{python: "==3.13.1", raises: ConnectionRefusedError}')
    ran = inner.run()
    assert ran.outcomes() == {"smtplib[3.13]": "setup"}
    assert "attempt smtplib has no variant for Python 3.13.5; it has: ==3.13.1\n" in ran.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--labctl-python=3.8"], NO_PYTHON),
        (["--labctl-timeout=0"], NO_TIME),
        (["-o", "labctl_timeout=soon"], "a number of seconds up to 3600, not soon\n"),
        (["--labctl-engine=podman"], "ERROR: --labctl-engine: there is no engine 'podman'\n"),
        (["-o", "labctl_engine=lokal"], "labctl_engine: there is no engine 'lokal'; did you mean"),
        (["-o", "labctl_scenarios=nowhere"], "ERROR: labctl_scenarios: there is no folder "),
    ],
)
def test_settings_that_can_not_be_are_wrong_usage(inner: Inner, args: list[str], said: str) -> None:
    inner.scenario("quiet")
    ran = inner.run(*args)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert said in ran.err
    assert "Traceback" not in ran.err + ran.out


def test_a_name_chooses_whatever_its_file_is_called(inner: Inner) -> None:
    inner.scenario("quiet").rename("other.yaml")
    assert listed(inner, "-k", "quiet") == ["other.yaml::smtplib[3.13]"]


def test_a_test_says_where_its_attempt_stands(inner: Inner) -> None:
    inner.scenario("quiet")
    inner.engine.leaves = lambda _: evidence(report(outcome="returned", exception=None, stack=[]))
    ran = inner.run()
    assert ran.report("smtplib[3.13]").location == ("quiet.yaml", 8, "quiet/smtplib[3.13]")


def test_nothing_is_imported_where_there_is_nothing_of_ours(inner: Inner) -> None:
    inner.write("other.yaml", "a: 1\n")
    inner.write(
        "test_one.py",
        "import sys\n"
        "def test_one():\n"
        "    loaded = {name for name in sys.modules if name.startswith('labctl')}\n"
        "    light = {'engines', 'errors', 'model', 'model.layers', 'plugin', 'plugin.settings',"
        " 'pythons', 'text'}\n"
        "    assert loaded == {'labctl', *(f'labctl.{name}' for name in light)}\n"
        "    assert not {'docker', 'pydantic', 'rich', 'yaml', 'typer'} & set(sys.modules)\n",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "labctl.plugin", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scenarios_that_labctl_brings_are_collected(inner: Inner) -> None:
    folder = bundled_folder("scenarios") / "tcp"
    found = listed(inner, str(folder))
    assert "refused-port.yaml::smtplib[3.13]" in [name.rpartition("/")[2] for name in found]
    assert len(found) > 50
