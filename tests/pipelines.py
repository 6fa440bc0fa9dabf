"""The pipelines that labctl brings, and of the services that run them as much as tests need.

Steps of GitHub Actions are run as its runner does: by bash with the same options, with the
variables and files that it gives. Expressions are no more than looked up, which is all that the
`env` of our steps asks for; conditions (`if`) are left to the caller.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action.yml"
GITHUB = ROOT / "examples" / "ci" / "github.yml"
GITLAB = ROOT / "examples" / "ci" / "gitlab-ci.yml"

Tree = dict[str, Any]

_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_LIMIT_S = 600


@cache
def read(path: Path) -> Tree:
    """A pipeline's YAML. The key `on` of a workflow is True here, as YAML 1.1 has it."""
    found: Tree = yaml.safe_load(path.read_text("utf-8"))
    return found


def steps(path: Path) -> list[Tree]:
    """The steps of an action or of all jobs of a workflow."""
    tree = read(path)
    if "runs" in tree:
        return list(tree["runs"]["steps"])
    return [step for job in tree["jobs"].values() for step in job["steps"]]


def step(path: Path, name: str) -> Tree:
    """The one step of that name."""
    (found,) = [one for one in steps(path) if one.get("name") == name]
    return found


def scripts() -> Iterator[tuple[str, str]]:
    """Every script of every pipeline, with a name to tell it by."""
    for path in (ACTION, GITHUB):
        for one in steps(path):
            if "run" in one:
                yield f"{path.name}: {one['name']}", one["run"]
    for name in read(GITLAB):
        if name not in ("variables", ".labctl"):
            yield f"{GITLAB.name}: {name}", gitlab_script(name)


def gitlab_script(job: str, *, prepared: bool = False) -> str:
    """What GitLab's runner has a shell run for a job; with `prepared`, labctl is there already."""
    tree = read(GITLAB)
    before = tree[tree[job]["extends"]]["before_script"]
    return "\n".join([*([] if prepared else before), *tree[job]["script"]])


@dataclass(frozen=True)
class Ended:
    """A script that has ended."""

    code: int
    out: str
    err: str


@dataclass
class Job:
    """A job of GitHub Actions, in a folder of its own. `contexts` are what expressions look into:
    `inputs`, `needs`; what steps say they put out is added to `steps`.
    """

    folder: Path
    contexts: Tree
    path: str = field(default_factory=lambda: os.environ["PATH"])
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.temp):
            folder.mkdir(parents=True, exist_ok=True)
        self.contexts.setdefault("steps", {})

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def summary(self) -> str:
        return _text(self.folder / "summary.md")

    def outputs(self, step_id: str) -> dict[str, str]:
        """What a step put out."""
        found: dict[str, str] = self.contexts["steps"].get(step_id, {}).get("outputs", {})
        return found

    def run(self, one: Tree) -> Ended:
        """Run one step that has a script."""
        script, out, paths = (self.folder / name for name in ("step.sh", "output", "path"))
        script.write_text(one["run"], "utf-8")
        for file in (out, paths):
            file.write_text("", "utf-8")
        ended = _shell([*_BASH, script], self._environment(one, out, paths), self.workspace)
        added = [line.partition("=") for line in out.read_text("utf-8").splitlines()]
        if "id" in one:
            put_out = {name: value for name, _, value in added}
            self.contexts["steps"].setdefault(one["id"], {"outputs": {}})["outputs"] |= put_out
        self.path = ":".join([*paths.read_text("utf-8").splitlines(), self.path])
        return ended

    def _environment(self, one: Tree, out: Path, paths: Path) -> dict[str, str]:
        own = {
            name: expand(str(value), self.contexts) for name, value in one.get("env", {}).items()
        }
        return {
            **os.environ,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(out),
            "GITHUB_PATH": str(paths),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "PATH": self.path,
            **self.variables,
            **own,
        }


def inputs(**given: str) -> Tree:
    """What the action's expressions find where a workflow gives it these."""
    declared = {name: str(one["default"]) for name, one in read(ACTION)["inputs"].items()}
    assert set(given) <= set(declared)
    return {"inputs": {**declared, **given}}


def expand(text: str, contexts: Tree) -> str:
    """The text with `${{ a.b.c }}` looked up; what is not there is nothing."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: _look_up(found[1], contexts), text)


def run_gitlab(
    script: str, folder: Path, variables: Mapping[str, str], *, by: str = "bash"
) -> Ended:
    """Run a script in a project's folder, as GitLab's runner has a shell do it."""
    options = ("-eo", "pipefail") if by == "bash" else ("-e",)
    ours = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(folder)}
    return _shell([by, *options, "-c", script], {**os.environ, **ours, **variables}, folder)


def _shell(command: list[str | Path], environment: Mapping[str, str], folder: Path) -> Ended:
    done = subprocess.run(
        command, env=dict(environment), cwd=folder,
        capture_output=True, text=True, timeout=_LIMIT_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def _look_up(name: str, contexts: Tree) -> str:
    found: Any = contexts
    for part in name.split("."):
        found = found.get(part, {})
    return "" if found == {} else str(found)


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
