"""What students handed in, read: whatever it is, a paper comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.grading.gradebook import GradedSubmission
from labctl.grading.reading import MAX_ATTEMPTS, digest_of, read_submission
from labctl.load.bundled import bundled_compose
from labctl.load.scenario import load_scenario
from labctl.model.exercise import Exercise
from labctl.model.scenario import Scenario
from labctl.submissions import Submission
from tests.unit.grading.samples import load
from tests.unit.load.texts import SCENARIO, changed

COMPOSE = bundled_compose()
RIGHT = {"client.py": "import socket\n", "answers.yaml": "which: OSError\n", "my.yaml": SCENARIO}


def read_scenario(path: Path) -> Scenario:
    return load_scenario(path, builtin_compose=COMPOSE)


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return load(tmp_path / "small")


def handed_in(folder: Path, files: dict[str, str | bytes]) -> Submission:
    place = folder / "ada"
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Submission(id="ada", name="Ada", origin=place)


def read(folder: Path, exercise: Exercise, files: dict[str, str | bytes]) -> GradedSubmission:
    return read_submission(handed_in(folder, files), exercise, read_scenario)


def test_all_of_it(tmp_path: Path, exercise: Exercise) -> None:
    found = read(tmp_path, exercise, {**RIGHT, "notes.txt": "hi"})
    assert (found.id, found.name, found.submission, found.refused) == ("ada", "Ada", "ada", "")
    assert found.sources == {"client.py": RIGHT["client.py"]}
    assert found.answers == {"which": "OSError"}
    assert (found.wrong_answers, found.invalid) == ("", {})
    assert found.work
    assert (found.work.owner, found.work.sources) == ("ada", found.sources)
    assert [one.name for one in found.work.scenarios.values()] == ["mine"]
    assert found.digest == digest_of(handed_in(tmp_path, {}), exercise) != ""


def test_what_is_not_there_is_told_where_it_matters(tmp_path: Path, exercise: Exercise) -> None:
    found = read(tmp_path, exercise, {"client.py": "pass"})
    assert found.refused == ""
    assert found.wrong_answers == "there is no file answers.yaml in what was handed in"
    assert found.invalid == {"own": ["there is no file my.yaml in what was handed in"]}


def test_a_byte_order_mark_and_line_ends_of_windows(tmp_path: Path, exercise: Exercise) -> None:
    files: dict[str, str | bytes] = {
        "client.py": b"\xef\xbb\xbfimport socket\r\n",
        "answers.yaml": b"\xef\xbb\xbfwhich: OSError\r\nerrno: 111\r\n",
    }
    found = read(tmp_path, exercise, files)
    assert found.sources == {"client.py": "import socket\r\n"}
    assert found.answers == {"which": "OSError", "errno": 111}


def refused(found: GradedSubmission) -> str:
    assert (found.work, found.sources, found.answers, found.invalid) == (None, {}, {}, {})
    assert (found.id, found.name, found.submission) == ("ada", "Ada", "ada")
    return found.refused


@pytest.mark.parametrize("name", ["client.py", "answers.yaml", "my.yaml"])
def test_what_is_not_utf_8(tmp_path: Path, exercise: Exercise, name: str) -> None:
    found = read(tmp_path, exercise, {**RIGHT, name: b"# one\n# two: \xe9\n"})
    assert refused(found) == f"{name} is not UTF-8 (line 2): save it as UTF-8"


def test_nothing_that_is_asked_for(tmp_path: Path, exercise: Exercise) -> None:
    submission = handed_in(tmp_path, {"notes.txt": "", "main.c": ""})
    assert refused(read_submission(submission, exercise, read_scenario)) == (
        'the submission has "main.c", "notes.txt", but no file that is asked for: '
        "hand in answers.yaml and client.py and my.yaml"
    )
    assert digest_of(submission, exercise) == ""


def test_nothing_at_all(tmp_path: Path, exercise: Exercise) -> None:
    message = refused(read(tmp_path, exercise, {}))
    assert message.startswith("the submission has no files: hand in answers.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "answers.yaml: is empty"),
        ("which:\n - a\n- b\n", "answers.yaml:3: is not YAML: the indentation doesn't fit, or a key is missing"),  # noqa: E501
        ("a: 1\nwhich: yes\n", "answers.yaml:2: yes without quotes is the boolean true in YAML"),
        ("- a\n", "answers.yaml:1: must be a mapping (lines like `key: value`), not a list"),
        ("a: 1\na: 2\n", 'answers.yaml:2: the key "a" is here twice; the first is in line 1'),
    ],
)  # fmt: skip
def test_a_wrong_file_of_answers(
    tmp_path: Path, exercise: Exercise, text: str, message: str
) -> None:
    found = read(tmp_path, exercise, {**RIGHT, "answers.yaml": text})
    assert (found.wrong_answers, found.answers, found.refused) == (message, {}, "")
    assert found.sources


def mistakes(folder: Path, exercise: Exercise, text: str) -> list[str]:
    found = read(folder, exercise, {**RIGHT, "my.yaml": text})
    assert found.work
    assert found.work.scenarios == {}
    assert found.refused == ""
    return list(found.invalid["own"])


def test_an_answer_to_no_question_is_told(tmp_path: Path, exercise: Exercise) -> None:
    found = read(tmp_path, exercise, {**RIGHT, "answers.yaml": "which: OSError\nwhch: OSError\n"})
    assert found.wrong_answers == (
        'answers.yaml:2: no question is called "whch"; did you mean "which"?'
    )
    assert found.answers["which"] == "OSError"


def test_no_hidden_question_is_guessed_by_name(tmp_path: Path, exercise: Exercise) -> None:
    found = read(tmp_path, exercise, {**RIGHT, "answers.yaml": "errn: 1\n"})
    assert found.wrong_answers == 'answers.yaml:1: no question is called "errn"'


def test_a_wrong_scenario_says_where(tmp_path: Path, exercise: Exercise) -> None:
    text = changed(SCENARIO, "layer: tcp", "layer: tpc").replace("[closed]", "[clsoed]")
    layer, services = mistakes(tmp_path, exercise, text)
    assert layer.startswith('my.yaml:3: layer: must be "dns", "tcp", "udp", ')
    assert layer.endswith(' or "other", not "tpc"; did you mean "tcp"?')
    assert services == (
        'my.yaml:5: services[0]: no service is called "clsoed"; did you mean "closed"?'
    )
    assert mistakes(tmp_path, exercise, "") == ["my.yaml: is empty"]


def test_of_many_mistakes_some_are_told(tmp_path: Path, exercise: Exercise) -> None:
    wrong = "".join(f"k{n}: 1\n" for n in range(20))
    assert len(mistakes(tmp_path, exercise, SCENARIO + wrong)) == 5


@pytest.mark.parametrize(
    "extra", ["compose: lab.yaml\n", "compose: ../lab.yaml\n", "compose: /etc/passwd\n"]
)
def test_a_scenario_is_alone(tmp_path: Path, exercise: Exercise, extra: str) -> None:
    found = mistakes(tmp_path, exercise, SCENARIO + extra)
    assert len(found) >= 1
    assert "/tmp" not in "".join(found).replace("my.yaml", "")


def test_a_scenario_can_name_no_file_of_a_client(tmp_path: Path, exercise: Exercise) -> None:
    text = changed(SCENARIO, "client: |\n      import socket", "client: {file: client.py}")
    (found,) = mistakes(tmp_path, exercise, text)
    assert found.startswith("my.yaml:")


@pytest.mark.parametrize("number", [MAX_ATTEMPTS, MAX_ATTEMPTS + 1])
def test_attempts_are_counted(tmp_path: Path, exercise: Exercise, number: int) -> None:
    more = "".join(
        f"  a{n}:\n    client: pass\n    expect: {{raises: OSError}}\n" for n in range(number - 1)
    )
    found = read(tmp_path, exercise, {**RIGHT, "my.yaml": SCENARIO + more})
    expected = {} if number == MAX_ATTEMPTS else {"own": ["it has more than 5 attempts"]}
    assert found.invalid == expected


def test_attempts_have_the_standard_library_only(tmp_path: Path, exercise: Exercise) -> None:
    text = changed(SCENARIO, "    expect:", "    requires: [requests]\n    expect:")
    assert mistakes(tmp_path, exercise, text) == [
        "its attempts can have the standard library only, without `requires`"
    ]


def test_attempts_are_for_the_python_of_the_exercise(tmp_path: Path, exercise: Exercise) -> None:
    text = changed(SCENARIO, "{raises: Conn", '{python: "<3.13", raises: Conn')
    assert mistakes(tmp_path, exercise, text) == ["socket expects nothing of Python 3.13"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(RIGHT)),
    st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")),
)
def test_whatever_stands_in_a_file_a_paper_comes_of_it(
    tmp_path: Path, exercise: Exercise, name: str, data: bytes
) -> None:
    found = read(tmp_path, exercise, {**RIGHT, name: data})
    assert bool(found.work) is not bool(found.refused)
    for line in (found.refused, found.wrong_answers, *found.invalid.get("own", ())):
        assert "\n" not in line
        assert len(line) < 1000
