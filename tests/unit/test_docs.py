"""The documentation is true: its examples load, its commands exist, and nothing is left out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from pydantic import BaseModel

from labctl import __main__, errors
from labctl.cli import app
from labctl.engine.images.certificates import server_certificates
from labctl.engine.images.hosts import HOSTS
from labctl.errors import LabError
from labctl.grading import course
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.catalogue import Catalogue
from labctl.load.compose import _NOT_IN_A_LAB, load_compose
from labctl.load.exercise import Exercises
from labctl.model import exercise
from labctl.model.base import Input
from labctl.model.compose import Service
from labctl.model.compose_values import CAPABILITIES
from labctl.model.expectation import Expectation
from labctl.model.flows import OUTCOMES
from labctl.model.grade import GradeState
from labctl.model.result import Outcome, Result
from labctl.model.scenario import AttemptFile, ScenarioFile
from labctl.results.summary import NOT_AS_EXPECTED
from labctl.services import ports, steps, tls, zone
from labctl.services.protocols import PROTOCOLS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md")]
COMPOSE = bundled_compose()
WIDTH = 100
SCRIPTED = ("ports", "steps", "dialogue", "tls")
"""The modules of services that events of scripts come from."""
WRAPPED = """name: wrapped
title: A part of a scenario, made whole
layer: other
story: none
target: {host: dns.lab, port: 53}
attempts:
  client:
    client: pass
"""
"""What stands around an `expect:` that is shown by itself."""

AT_ONCE = {"-h", "--help", "--version", "--install-completion", "--show-completion"}
"""Options that do something while a command line is parsed."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@dataclass(frozen=True)
class Block:
    """What stands between fences; `file` is what its first line, a comment, calls it."""

    language: str
    text: str

    @property
    def file(self) -> str:
        found = re.match(r"# (\S+\.\w+)\n", self.text)
        return found[1] if found else ""


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(*each) for each in found]


def text_without_blocks(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def write_examples(page: Path, folder: Path) -> list[Block]:
    """Write the examples that have a file's name; gives the YAML blocks that have none."""
    loose = []
    for block in blocks(page):
        if block.file:
            # Exercises are folders; they stand where nobody looks for scenarios.
            place = folder / ".exercises" if "/" in block.file else folder
            file = place / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")
        elif block.language == "yaml":
            loose.append(block)
    return loose


@each_page
def test_every_example_in_yaml_loads(page: Path, tmp_path: Path) -> None:
    """Scenarios and Compose files are called by their first line; all else is an `expect:`."""
    for number, block in enumerate(write_examples(page, tmp_path)):
        assert block.text.startswith("expect:"), f"what is this, in {page.name}?\n{block.text}"
        text = WRAPPED.replace("wrapped", f"wrapped-{number}") + indented(block.text)
        (tmp_path / f"wrapped-{number}.yaml").write_text(text, "utf-8")
    assert exercises_in(tmp_path).sorted_out()[1] == []
    scenarios = Catalogue([tmp_path], COMPOSE).all()
    compose = [path for path in tmp_path.glob("*.yaml") if path.stem in ("lab", "compose")]
    assert all(load_compose(path) for path in compose)
    assert len(scenarios) + len(compose) == len(list(tmp_path.glob("*.yaml")))


def exercises_in(folder: Path) -> Exercises:
    """The exercises that a page shows, and those that labctl brings."""
    known = Catalogue([bundled_folder("scenarios")], COMPOSE)
    return Exercises([bundled_folder("exercises"), folder / ".exercises"], known, COMPOSE)


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


@each_page
def test_every_example_in_python_compiles(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, page.name, "exec")


@each_page
def test_every_result_document_is_one(page: Path) -> None:
    for block in blocks(page):
        if block.language == "json":
            assert set(Result.model_validate_json(block.text).model_dump(by_alias=True)) == set(
                json.loads(block.text)
            )


def commands(page: Path) -> Iterator[list[str]]:
    """Every `labctl ...` that a page tells to type, in words."""
    for block in blocks(page):
        prompt = "$ " if block.language == "console" else ""
        for line in block.text.splitlines() if block.language in ("sh", "console") else ():
            if line.startswith(f"{prompt}labctl "):
                typed = line.removeprefix(prompt).partition(" > ")[0]
                yield shlex.split(typed, comments=True)[1:]
    for found in re.findall(r"`labctl ([^`]+)`", text_without_blocks(page)):
        words = shlex.split(found.replace("VERB ", "run "))
        yield [word for word in words if "[" not in word]


def parse(arguments: list[str]) -> dict[str, Any]:
    """The values of a command line as typer has them; raises what it says of a wrong one."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    name = "labctl"
    while True:
        context = command.make_context(name, arguments, parent=context)
        rest = [*context._protected_args, *context.args]  # noqa: SLF001
        if not rest or not hasattr(command, "resolve_command"):
            return dict(context.params)
        name, command, arguments = command.resolve_command(context, rest)


@each_page
def test_every_command_is_one(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that holds what the commands name: some are looked for at once."""
    write_examples(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    for folder in ("my-scenarios", "my-exercises", "DIR"):
        Path(folder).mkdir()
    exercises = exercises_in(tmp_path).names()
    known = {*Catalogue([bundled_folder("scenarios"), tmp_path], COMPOSE).names(), "refused-prot"}
    for arguments in commands(page):
        try:
            given = parse([word for word in arguments if word not in AT_ONCE])
        except Exception as error:
            if is_bare(arguments, error):
                continue
            raise AssertionError(f"{page.name}: labctl {shlex.join(arguments)}: {error}") from error
        for name in given.get("names", ()):
            assert "." in name or name.isupper() or name in known, f"{page.name}: {name}"
        if arguments[0] in ("check", "grade", "exercise") and (name := given.get("name")):
            assert name.isupper() or name.removeprefix("./") in exercises, f"{page.name}: {name}"


def is_bare(arguments: list[str], error: Exception) -> bool:
    """Whether a text only names a verb, as in "`labctl show` has it", or an option that needs none.

    `labctl` alone is an error, too, which shows the help.
    """
    named = [word for word in arguments if word not in AT_ONCE]
    lacking = "Missing parameter" in str(error) or type(error).__name__ == "NoArgsIsHelpError"
    return not named or (lacking and set(named) <= VERBS)


def every_option(command: Any) -> set[str]:
    own = {name for parameter in command.params for name in parameter.opts if name[0] == "-"}
    inner = (every_option(each) for each in getattr(command, "commands", {}).values())
    return own.union(*inner, getattr(command, "commands", {}))


def whole_command() -> Any:
    command: Any = typer.main.get_command(app)
    command.load_all()
    return command


OPTIONS = every_option(whole_command())
VERBS = {word for word in OPTIONS if not word.startswith("-")}
LINK = re.compile(r"\]\(\s*([^)\s]+)\s*\)")


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(text_without_blocks(page)):
        path, _, anchor = target.partition("#")
        if path.startswith("https://"):
            continue
        linked = (page.parent / path) if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_without_blocks(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@each_page
def test_no_line_is_too_long(page: Path) -> None:
    """A row of a table cannot be broken."""
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("| ")] == []


def test_every_page_is_in_the_index() -> None:
    linked = set(LINK.findall((DOCS / "README.md").read_text("utf-8")))
    pages = {target.partition("#")[0] for target in linked}
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} == pages


def test_the_glossary_is_short_sorted_and_linked_from_the_readme() -> None:
    """Thirty to fifty terms, in alphabetical order, each explained in a few lines."""
    page = page_text("glossary.md")
    terms = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert 30 <= len(terms) <= 50
    assert terms == sorted(terms, key=str.casefold)
    texts = re.split(r"^### .+$", page, flags=re.MULTILINE)[1:]
    assert all(0 < len(text.strip().splitlines()) <= 5 for text in texts)
    assert "docs/glossary.md" in LINK.findall((ROOT / "README.md").read_text("utf-8"))


def test_the_table_of_exit_codes_has_all_of_them() -> None:
    table = re.search(r"^\| exit .*?\n\n", page_text("reference.md"), re.DOTALL | re.MULTILINE)
    assert table
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", table[0], re.MULTILINE)}
    ours = {kind.exit_code for kind in vars(errors).values() if is_error(kind)}
    of_main = {__main__.BUG, __main__.INTERRUPTED, __main__.TERMINATED}
    assert told == {0, NOT_AS_EXPECTED} | ours | of_main


def is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, LabError)


def page_text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def untold(names: set[str], page: str) -> set[str]:
    """Those that a page does not have in code."""
    told = set(re.findall(r"`([^`\n]+)`", page_text(page)))
    words = {word for code in told for word in re.split(r"[\s,]+", code)}
    return names - words


def test_the_reference_has_every_verb_and_option() -> None:
    assert untold(OPTIONS, "reference.md") == set()


def test_the_reference_has_every_field_of_a_result() -> None:
    definitions = Result.model_json_schema(by_alias=True)
    kinds = [definitions, *definitions["$defs"].values()]
    names = {name for kind in kinds for name in kind.get("properties", ())}
    assert untold(names | set(Outcome), "reference.md") == set()


@pytest.mark.parametrize("model", [ScenarioFile, AttemptFile, Expectation])
def test_every_key_of_a_scenario_is_told(model: type[BaseModel]) -> None:
    assert untold(set(model.model_fields), "writing-a-scenario.md") == set()


OF_EXERCISES: list[type[BaseModel]] = [
    exercise.ExerciseFile,
    exercise.LimitsFile,
    exercise.PredictFile,
    exercise.AboutFile,
    exercise.QuestionFile,
    exercise.ClientFile,
    exercise.RunFile,
    exercise.Check,
    exercise.Times,
    exercise.OwnScenarioFile,
]


def test_every_key_of_an_exercise_is_told() -> None:
    page = re.sub(r"[{}:]", " ", page_text("exercises.md"))
    told = {word for code in re.findall(r"`([^`\n]+)`", page) for word in re.split(r"[\s,]+", code)}
    keys = {key for model in OF_EXERCISES for key in model.model_fields}
    assert keys | {*exercise.PLACES, *get_args(exercise.Ask), *GradeState} <= told


def test_every_model_of_an_exercise_is_looked_at() -> None:
    models = {one for one in vars(exercise).values() if isinstance(one, type)}
    ours = {one for one in models if issubclass(one, Input) and one.__module__ == exercise.__name__}
    assert ours == set(OF_EXERCISES)


def test_every_file_of_grades_is_told() -> None:
    source = Path(course.__file__).read_text("utf-8")
    names = set(re.findall(r'"([\w/-]+\.(?:json|csv|html|md))"', source)) - {"class.json"}
    assert len(names) > 5
    assert {name for name in names if name not in page_text("exercises.md")} == set()


def test_every_key_of_a_service_is_told() -> None:
    keys = {field.alias or name for name, field in Service.model_fields.items()}
    assert untold({*keys, *_NOT_IN_A_LAB, *CAPABILITIES}, "writing-a-scenario.md") == set()


def test_everything_that_services_say_is_told() -> None:
    declared = [service.events or {} for service in load_compose(COMPOSE).values()]
    names = {
        name for events in declared for event, keys in events.items() for name in (event, *keys)
    }
    assert untold(untold(names, "writing-a-scenario.md"), "services.md") == set()


def test_every_outcome_of_a_flow_is_told() -> None:
    rows = re.findall(r"^\| (`.+?) \|", page_text("writing-a-scenario.md"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {name for outcomes in OUTCOMES.values() for name in outcomes} <= told


def test_every_service_is_told() -> None:
    assert untold(set(load_compose(COMPOSE)), "writing-a-scenario.md") == set()


def test_every_part_of_a_script_is_told() -> None:
    certs = server_certificates(HOSTS)
    names = {*steps.WORDS, *steps.STEPS, *PROTOCOLS, *tls.OPTIONS, *tls.VERSIONS, *zone.ODD, *certs}
    page = re.sub(r"[{}:]", " ", page_text("services.md"))
    assert {name for name in names if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", page)} == set()


def test_every_event_is_told() -> None:
    sources = (Path(ports.__file__).parent / f"{name}.py" for name in SCRIPTED)
    said = {
        event for source in sources for event in re.findall(r'emit\("(\w+)"', source.read_text())
    }
    assert untold(said - {"ready"}, "services.md") == set()
    assert {"connect", "read", "command", "tls", "datagram"} <= said


def test_every_script_that_is_shown_is_right() -> None:
    shown = [block.text for block in blocks(DOCS / "services.md") if "LAB_PORTS" in block.text]
    scripts = [
        service["environment"]["LAB_PORTS"]
        for text in shown
        for service in yaml.safe_load(text)["services"].values()
    ]
    assert scripts
    assert all(ports.parse(script) for script in scripts)


def test_every_step_in_the_table_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CERTIFICATES", str(folder))
    table = page_text("services.md").partition("## Steps")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(rows) >= len([*steps.WORDS, *steps.STEPS])
    for row in rows:
        before = "{tls: {}}, " if "corrupt" in row else ""
        assert ports.parse(f"2001: [{before}{row}]")


def test_pictures_load_nothing_from_elsewhere() -> None:
    for picture in DOCS.glob("pictures/*.svg"):
        assert re.findall(r"url\((?!#)|@import|<image|@font-face", picture.read_text()) == []
