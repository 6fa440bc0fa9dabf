"""The pipelines for CI, as far as a machine without these services can try them: their scripts
are run, with what the services would set, and the image is built and used.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from packaging.utils import canonicalize_name

from labctl import __version__
from labctl.engine.access import open_engine
from labctl.engine.images.names import LAB, client_image, libraries_image
from tests import pipelines
from tests.labs.tls_engine import behind_tls, socket_path
from tests.pipelines import ACTION, GITHUB, ROOT, Ended, Job, inputs

pytestmark = pytest.mark.docker

BASE = "labctl-tests/base:trixie"
IMAGE = "labctl-tests/labctl:latest"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
GOOD = """\
import os, smtplib
smtplib.SMTP(os.environ["LAB_HOST"], int(os.environ["LAB_PORT"]), timeout=5)
"""
BAD = "print('::error::not a word to GitHub')\n"

# --- the action for GitHub ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job in which the action's own step has installed labctl, from the index and all."""
    job = Job(tmp_path_factory.mktemp("installed"), {"steps": {}})
    job.contexts["steps"]["python"] = {"outputs": {"python-path": sys.executable}}
    ended = job.run(pipelines.step(ACTION, "Install labctl"))
    assert ended.code == 0, ended.err
    return job


JobOf = Callable[..., Job]


@pytest.fixture
def job_of(installed: Job, tmp_path: Path) -> JobOf:
    """A new job with the action's inputs, in which labctl is installed already."""

    def begin(name: str, **given: str) -> Job:
        job = Job(tmp_path / name, inputs(**given), path=installed.path)
        (job.temp / "labctl").symlink_to(installed.temp / "labctl")
        return job

    return begin


def run_action(job: Job) -> Ended:
    ended = job.run(pipelines.step(ACTION, "Run labctl"))
    assert job.run(pipelines.step(ACTION, "Sum up")).code == 0
    return ended


def test_the_action_puts_labctl_alone_on_the_path(installed: Job) -> None:
    assert shutil.which("labctl", path=installed.path) == f"{installed.temp}/labctl/bin/labctl"
    assert [one.name for one in (installed.temp / "labctl" / "bin").iterdir()] == ["labctl"]
    assert shutil.which("python3", path=installed.path) == shutil.which("python3")


def test_the_action_installs_what_the_constraints_say(installed: Job) -> None:
    pip = installed.temp / "labctl" / "venv" / "bin" / "pip"
    done = subprocess.run([pip, "list", "--format", "json"], capture_output=True, check=True)
    found = {canonicalize_name(one["name"]): one["version"] for one in json.loads(done.stdout)}
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines] + [["labctl", __version__]]
    held = {canonicalize_name(name): version for name, version in pairs}
    assert "labctl" in found
    others = {name for name, version in found.items() if held.get(name) != version}
    assert others <= {"setuptools"}, "which a venv of Python 3.11 has from the start"


def test_the_action_on_a_run_that_is_as_expected(job_of: JobOf) -> None:
    job = job_of("green", scenarios="refused-port", args="--attempt smtplib")
    ended = run_action(job)
    assert ended.code == 0, ended.out + ended.err
    assert job.outputs("labctl") == {"artifact": "labctl", "exit-code": "0"}
    assert job.outputs("sum") == {
        "result": "labctl-report/result.json",
        "pass": "1", "fail": "0", "inconclusive": "0", "error": "0",
    }  # fmt: skip
    report = job.workspace / "labctl-report"
    found = {one.relative_to(report).as_posix() for one in report.rglob("*") if one.is_file()}
    (capture,) = (report / "pcap").iterdir()
    documents = {"ctrf.json", "index.html", "junit.xml", "result.json"}
    assert found == documents | {f"pcap/{capture.name}"}
    assert "1 attempt: 1 pass" in job.summary


@pytest.mark.whole
def test_the_action_on_a_client_that_fails(job_of: JobOf) -> None:
    job = job_of(
        "red", scenarios="refused-port", args="--attempt smtplib", client="bad.py", report="found"
    )
    (job.workspace / "bad.py").write_text(BAD, "utf-8")
    ended = run_action(job)
    assert ended.code == 1, ended.out + ended.err
    assert job.outputs("labctl")["exit-code"] == "1"
    assert (job.outputs("sum")["pass"], job.outputs("sum")["fail"]) == ("0", "1")
    assert "::error " in ended.err
    stopped = re.search(r"::stop-commands::(\w+)\n(.*)::\1::", ended.out, re.DOTALL)
    assert stopped
    assert "::error::not a word to GitHub" in stopped[2]
    assert 'failures="1"' in (job.workspace / "found" / "junit.xml").read_text("utf-8")


@pytest.mark.whole
def test_the_action_on_a_mistake_has_no_result(job_of: JobOf) -> None:
    job = job_of("wrong", scenarios="refused-prot")
    ended = run_action(job)
    assert ended.code == 2
    assert 'did you mean "refused-port"?' in ended.err
    assert (job.outputs("labctl")["exit-code"], job.outputs("sum")) == ("2", {})


@pytest.mark.whole
def test_the_action_keeps_the_images_of_a_python(job_of: JobOf) -> None:
    find, see_to = (
        pipelines.step(ACTION, name)
        for name in ("Find out which images it takes", "See to the images")
    )
    job, other = job_of("images"), job_of("others", python="all")
    for one in (job, other):
        assert one.run(find).code == 0
    key = job.outputs("images")["key"]
    assert re.fullmatch(r"labctl-images-Linux-X64-[0-9a-f]{32}", key)
    assert key != other.outputs("images")["key"]
    ended = job.run(see_to)
    assert ended.code == 0, ended.err
    assert "has 3 images" in ended.out
    archive = Path(job.outputs("images")["archive"])
    before = archive.stat().st_mtime_ns
    ended = job.run(see_to)
    assert ended.code == 0, ended.err
    loaded = sorted(re.findall(r"Loaded image: (\S+)", ended.out))
    names = [LAB, client_image("3.13"), libraries_image("3.13")]
    assert loaded == sorted(image.reference for image in open_engine().images().status(names))
    assert archive.stat().st_mtime_ns == before
    archive.unlink()


@pytest.mark.whole
def test_shards_make_one_whole(job_of: JobOf) -> None:
    whole = job_of("whole", merge="shards")
    for number in (1, 2):
        job = job_of(f"shard-{number}", scenarios="refused-port", shard=f"{number}/2")
        assert run_action(job).code == 0
        artifact = job.outputs("labctl")["artifact"]
        assert artifact == f"labctl-{number}-of-2"
        shutil.copytree(job.workspace / "labctl-report", whole.workspace / "shards" / artifact)
    assert run_action(whole).code == 0
    document = result_in(whole.workspace / "labctl-report")
    attempts = [one["attempt"] for one in document["attempts"]]
    assert len(attempts) == len(set(attempts)) > 2
    assert document["request"]["shard"] == ""
    compare_with_main(whole)


def compare_with_main(job: Job) -> None:
    """The workflow's steps after the merge: on main, in a pull request, and with a shard lost."""
    step = pipelines.step(GITHUB, "Compare with main")
    job.contexts["steps"]["labctl"]["outputs"] |= job.outputs("sum")
    baseline = job.workspace / "baseline.json"
    told = job.summary
    assert job.run(step).code == 0
    assert baseline.read_bytes() == (job.workspace / job.outputs("sum")["result"]).read_bytes()
    assert job.summary == told
    changed = json.loads(baseline.read_text("utf-8"))
    changed["attempts"][0]["verdict"] = "fail"
    baseline.write_text(json.dumps(changed), "utf-8")
    job.variables = {"GITHUB_REF": "refs/pull/1/merge"}
    assert job.run(step).code == 0
    assert json.loads(baseline.read_text("utf-8")) == changed
    added = job.summary.removeprefix(told).splitlines()
    assert added
    assert all(line.startswith("    ") for line in added)
    assert changed["attempts"][0]["attempt"] in "".join(added)
    last = pipelines.step(GITHUB, "Has every shard been green?")
    for said, code in (("success", 0), ("failure", 1), ("cancelled", 1)):
        job.contexts["needs"] = {"shard": {"result": said}}
        assert job.run(last).code == code


def result_in(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    return document


# --- GitLab --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gitlab(installed: Job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a job. Its pip installs a wheel of labctl alone: what that needs is what
    the action has installed already.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("labctl-*.whl")
    (packages,) = (installed.temp / "labctl" / "venv" / "lib").glob("python*/site-packages")
    return {
        "LABCTL_SOURCE": str(wheel),
        "PIP_NO_DEPS": "1",
        "PYTHONPATH": str(packages),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def test_gitlab_says_what_is_not_set(tmp_path: Path) -> None:
    ended = pipelines.run_gitlab(
        pipelines.gitlab_script("labctl"), tmp_path, {"LABCTL_SOURCE": ""}, by="sh"
    )
    assert (ended.code, ended.out) == (2, "")
    assert "LABCTL_SOURCE: says what pip is to install, and is not set" in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.whole
def test_gitlab_runs_shards_and_joins_them(
    gitlab: dict[str, str], engine: docker.APIClient, tmp_path: Path
) -> None:
    """Of what is but a few attempts; one of them over TLS, as with docker:dind."""
    certificates, project = tmp_path / "certs", tmp_path / "project"
    for folder in (certificates, project):
        folder.mkdir()
    with behind_tls(engine, certificates) as dind:
        shard(project, gitlab | dind, pipelines.gitlab_script("labctl"), 1)
    # What the first job installed is there for the others.
    found = gitlab | {"PATH": f"{project}/.labctl-venv/bin:{gitlab['PATH']}"}
    join = pipelines.gitlab_script("labctl-whole", prepared=True)
    whole = pipelines.run_gitlab(join, project, found)
    assert (whole.code, whole.out) == (1, "no result of 2\n")
    shard(project, found, pipelines.gitlab_script("labctl", prepared=True), 2, by="sh")
    whole = pipelines.run_gitlab(join, project, found)
    assert whole.code == 0, whole.out + whole.err
    report = project / "labctl-report"
    parts = [result_in(report / name)["attempts"] for name in ("1", "2")]
    assert len(result_in(report)["attempts"]) == sum(map(len, parts)) > 1
    assert (report / "index.html").exists()


def shard(
    project: Path, variables: Mapping[str, str], script: str, number: int, by: str = "bash"
) -> None:
    told = {
        "CI_NODE_INDEX": str(number),
        "CI_NODE_TOTAL": "2",
        "LABCTL_ATTEMPT": "ftplib",
        "LABCTL_PYTHON": "3.13",
    }
    ended = pipelines.run_gitlab(script, project, {**variables, **told}, by=by)
    assert ended.code == 0, ended.out + ended.err
    report = project / "labctl-report" / str(number)
    assert result_in(report)["request"]["shard"] == f"{number}/2"
    assert {one.name for one in report.iterdir()} == {
        "index.html", "junit.xml", "pcap", "result.json",
    }  # fmt: skip
    assert 'failures="0"' in (report / "junit.xml").read_text("utf-8")


# --- the image -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(engine: docker.APIClient) -> str:
    """labctl's image, on a base that is made here where the engine has none from an earlier run.

    Its layers stay, so that the next build is quick; what it replaces goes.
    """
    if not engine.images(name=BASE):
        make_base()
    before = engine.images(name=IMAGE, quiet=True)
    docker_cli("build", "--build-arg", f"BASE={BASE}", "--tag", IMAGE, ROOT)
    for old in set(before) - set(engine.images(name=IMAGE, quiet=True)):
        engine.remove_image(old)
    return IMAGE


def make_base() -> None:
    """Debian from its mirror, with the tools in it, and trusting whom this machine trusts: pip's
    index may be behind a proxy that has an authority of its own.
    """
    words = re.search(r"install -y --no-install-recommends \\\n(.*?)\\\n", dockerfile(), re.DOTALL)
    assert words
    packages = ",".join(words[1].split())
    with subprocess.Popen(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}",
         f"--customize-hook=upload {AUTHORITIES} {AUTHORITIES}", "trixie", "-"],
        stdout=subprocess.PIPE,
    ) as making:  # fmt: skip
        docker_cli("import", "-", BASE, stdin=making.stdout)
    assert making.returncode == 0


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def docker_cli(*args: str | Path, stdin: Any = subprocess.DEVNULL) -> str:
    """The builder that every engine has: BuildKit is a plug-in of some."""
    done = subprocess.run(
        ["docker", *args], stdin=stdin, env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def in_container(
    image: str, engine: docker.APIClient, tmp_path: Path
) -> Iterator[Callable[..., Ended]]:
    """Runs what docs/ci.md tells to type, in a folder of one's own, and leaves no container."""

    def run(command: str) -> Ended:
        typed = command.replace(" labctl ", f" {image} ", 1)
        typed = typed.replace("/var/run/docker.sock:", f"{socket_path(engine)}:", 1)
        return pipelines.run_gitlab(typed, tmp_path, {})

    yield run
    assert engine.containers(all=True, filters={"ancestor": image}) == []


def told() -> list[str]:
    """The commands of docs/ci.md that run labctl in a container."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8").replace("\\\n", " ")
    return [" ".join(line.split()) for line in page.splitlines() if line.startswith("docker run ")]


@pytest.mark.whole
def test_the_image_runs_as_the_docs_say(in_container: Callable[..., Ended], tmp_path: Path) -> None:
    as_root, as_user = told()[:2]
    ended = in_container(as_root)
    assert ended.code == 0, ended.out + ended.err
    assert "ConnectionRefusedError" in ended.out
    (tmp_path / "my.py").write_text(BAD, "utf-8")
    tmp_path.chmod(0o777)
    ended = in_container(as_user.replace("$(id -u):$(id -g)", "1234:1235"))
    assert ended.code == 1, ended.out + ended.err
    result = tmp_path / "result.json"
    assert json.loads(result.read_text("utf-8"))["summary"]["fail"] == 1
    assert (result.stat().st_uid, result.stat().st_gid) == (1234, 1235)


@pytest.mark.whole
def test_the_image_can_build_images(in_container: Callable[..., Ended]) -> None:
    """It has what that takes: mmdebstrap and nft, pip, and the Compose file."""
    ended = in_container(
        "docker run --rm --entrypoint sh labctl -c 'mmdebstrap --version; nft --version; "
        "python -m pip --version; labctl show refused-port --json'"
    )
    assert ended.code == 0, ended.err
    versions, _, shown = ended.out.partition("{")
    assert [line.split()[0] for line in versions.splitlines()] == ["mmdebstrap", "nftables", "pip"]
    assert "/opt/labctl/lib/" in json.loads("{" + shown)["compose"]
