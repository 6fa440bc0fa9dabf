"""Scenarios become labs and attempts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labctl.errors import InputError, ManyInputErrors, UsageError
from labctl.model.plan import Plan
from labctl.run.attempts import Client
from labctl.run.plan import check_selected, check_variants, keep_units, plan
from tests.unit.judge.samples import attempt, expectation, interpreter, scenario, service

DNS, CLOSED, MAIL = service("dns"), service("closed"), service("mail")
PYTHONS = (interpreter("3.9.18"), interpreter("3.13.5"))
MY_CLIENT = Client(path=Path("work/my.py"), source="print(1)\n")


def attempts_of(made: Plan) -> list[tuple[str, str, str, str, int]]:
    return [
        (a.scenario, a.interpreter.version, a.attempt, a.client, a.repeat)
        for lab in made.labs
        for a in lab.attempts
    ]


def test_scenarios_of_one_compose_file_share_a_lab_with_all_their_services() -> None:
    one = scenario("one", services=(DNS, CLOSED))
    other = scenario("other", services=(DNS, MAIL))
    made = plan([one, other], interpreters=PYTHONS[:1])
    assert [[s.name for s in lab.services] for lab in made.labs] == [["dns", "closed", "mail"]]
    assert made.labs[0].scenarios == ("one", "other")
    assert made.labs[0].compose == Path("compose/lab.yaml")


def test_an_attempt_needs_the_services_of_its_own_scenario_alone() -> None:
    one = scenario("one", services=(DNS, CLOSED))
    other = scenario("other", services=(DNS, MAIL))
    made = plan([one, other], interpreters=PYTHONS[:1], client=MY_CLIENT)
    needed = {(one.scenario, one.attempt): one.services for one in made.attempts}
    assert needed == {
        ("one", "smtplib"): ("dns", "closed"),
        ("one", "my"): ("dns", "closed"),
        ("other", "smtplib"): ("dns", "mail"),
        ("other", "my"): ("dns", "mail"),
    }


def test_scenarios_of_different_compose_files_have_a_lab_each() -> None:
    other = scenario("other", compose=Path("own.yaml"))
    made = plan([scenario("one"), other, scenario("third")], interpreters=PYTHONS[:1])
    assert [lab.scenarios for lab in made.labs] == [("one", "third"), ("other",)]
    assert [lab.compose for lab in made.labs] == [Path("compose/lab.yaml"), Path("own.yaml")]


def test_an_exclusive_scenario_has_a_lab_of_its_own() -> None:
    alone = scenario("alone", exclusive=True, services=(DNS, MAIL))
    made = plan([scenario("one"), alone, scenario("third")], interpreters=PYTHONS[:1])
    assert [lab.scenarios for lab in made.labs] == [("one", "third"), ("alone",)]
    assert [s.name for s in made.labs[0].services] == ["dns", "closed"]


def test_attempts_go_by_scenario_then_python_then_attempt_then_repeat() -> None:
    one = scenario(attempts=(attempt("smtplib"), attempt("socket")))
    made = plan([one, scenario("last")], interpreters=PYTHONS, repeat=2)
    assert attempts_of(made) == [
        ("refused-port", "3.9.18", "smtplib", "", 1),
        ("refused-port", "3.9.18", "smtplib", "", 2),
        ("refused-port", "3.9.18", "socket", "", 1),
        ("refused-port", "3.9.18", "socket", "", 2),
        ("refused-port", "3.13.5", "smtplib", "", 1),
        ("refused-port", "3.13.5", "smtplib", "", 2),
        ("refused-port", "3.13.5", "socket", "", 1),
        ("refused-port", "3.13.5", "socket", "", 2),
        ("last", "3.9.18", "smtplib", "", 1),
        ("last", "3.9.18", "smtplib", "", 2),
        ("last", "3.13.5", "smtplib", "", 1),
        ("last", "3.13.5", "smtplib", "", 2),
    ]


def test_no_two_attempts_of_a_plan_have_one_key() -> None:
    one = scenario("one", attempts=(attempt("smtplib"), attempt("socket")))
    made = plan([one, scenario("last")], interpreters=PYTHONS, repeat=2, client=MY_CLIENT)
    keys = [planned.key for lab in made.labs for planned in lab.attempts]
    assert len(keys) == len(set(keys)) == 20


def test_an_attempt_carries_its_source_its_target_and_the_variant_for_its_python() -> None:
    old, new = expectation(raises="OSError", python="<3.11"), expectation()
    one = scenario(attempts=(attempt("smtplib", old, new),))
    first, second = plan([one], interpreters=PYTHONS).labs[0].attempts
    assert (first.expectation, second.expectation) == (old, new)
    assert first.source == one.attempts[0].source
    assert first.origin == "smtplib.py"
    assert first.target == one.target


def test_only_selected_attempts_are_made_and_scenarios_without_them_are_left_out() -> None:
    one = scenario("one", attempts=(attempt("smtplib"), attempt("socket")))
    other = scenario("other", attempts=(attempt("urllib"),), services=(DNS, MAIL))
    made = plan([one, other], interpreters=PYTHONS[:1], attempts=["socket"])
    assert attempts_of(made) == [("one", "3.9.18", "socket", "", 1)]
    assert [s.name for s in made.labs[0].services] == ["dns", "closed"]


def test_a_lab_without_attempts_is_not_planned() -> None:
    other = scenario("other", compose=Path("own.yaml"), attempts=(attempt("urllib"),))
    made = plan([scenario(), other], interpreters=PYTHONS[:1], attempts=["smtplib"])
    assert [lab.scenarios for lab in made.labs] == [("refused-port",)]


def test_an_attempt_that_no_scenario_has_is_a_usage_error_that_names_the_one_meant() -> None:
    one = scenario(attempts=(attempt("smtplib"), attempt("socket")))
    with pytest.raises(UsageError) as caught:
        check_selected([one], ["socket", "smtplip"])
    assert str(caught.value) == (
        "no selected scenario has an attempt called smtplip; did you mean smtplib?"
    )
    assert caught.value.hint == "the attempts there are: smtplib, socket"


def test_an_attempt_that_is_like_no_other_names_none() -> None:
    with pytest.raises(UsageError, match=r"called zzz$"):
        check_selected([scenario()], ["zzz"])


def test_no_variant_for_a_python_is_an_error_of_the_scenario() -> None:
    variants = (expectation(python=">=3.10,<3.12"), expectation(python="==3.13.*"))
    one = scenario(attempts=(attempt("smtplib", *variants),))
    with pytest.raises(InputError) as caught:
        plan([one], interpreters=PYTHONS)
    assert str(caught.value) == (
        "scenarios/tcp/refused-port.yaml: attempt smtplib has no variant for Python 3.9.18; "
        "it has: >=3.10,<3.12, ==3.13.*"
    )
    assert caught.value.hint == (
        "add a variant that admits it to `expect`, or choose other Pythons with --python"
    )


@pytest.mark.parametrize(
    ("python", "admits"),
    [
        (None, True),
        (">=3.12", False),
        (">=3.11", True),
        ("<3.11", False),
        ("<=3.11", True),
        ("==3.11", True),
        (">3.11", True),
        ("==3.11.*", True),
        ("!=3.11.*", False),
        ("~=3.10", True),
        ("~=3.10.0", False),
        ("==3.11.42", True),
        ("==3.10.42", False),
        (">=3.11.7,<3.11.9", True),
        (">=3.11.7,<3.11.7", False),
        ("==3.11.0rc2", True),
        (">=3.9, !=3.11.4", True),
    ],
)
def test_a_variant_is_missing_only_where_no_version_of_the_series_has_one(
    python: str | None, admits: bool
) -> None:
    one = scenario(attempts=(attempt("smtplib", expectation(python=python)),))
    if admits:
        check_variants([one], ["3.11"])
        return
    with pytest.raises(ManyInputErrors) as caught:
        check_variants([one], ["3.11"])
    assert str(caught.value) == (
        "scenarios/tcp/refused-port.yaml: attempt smtplib has no variant for Python 3.11; "
        f"it has: {python}"
    )


def test_an_attempt_that_is_not_selected_may_lack_a_variant() -> None:
    lacking = attempt("socket", expectation(python="==3.13.*"))
    one = scenario(attempts=(attempt("smtplib"), lacking))
    check_variants([one], ["3.9"], ["smtplib"])
    made = plan([one], interpreters=PYTHONS[:1], attempts=["smtplib"])
    assert attempts_of(made) == [("refused-port", "3.9.18", "smtplib", "", 1)]


def test_a_client_is_shown_beside_the_scenarios_own_and_nothing_is_expected_of_it() -> None:
    made = plan([scenario("a"), scenario("b")], interpreters=PYTHONS[:1], client=MY_CLIENT)
    assert attempts_of(made) == [
        ("a", "3.9.18", "smtplib", "", 1),
        ("b", "3.9.18", "smtplib", "", 1),
        ("a", "3.9.18", "my", "my.py", 1),
        ("b", "3.9.18", "my", "my.py", 1),
    ]
    scenarios_own, apart = made.labs
    assert not any(attempt.client for attempt in scenarios_own.attempts)
    given = apart.attempts[0]
    assert given.expectation is None
    assert (given.source, given.origin) == ("print(1)\n", "work/my.py")


def test_a_client_with_attempts_takes_their_place_and_is_judged_by_them() -> None:
    expected = expectation(raises="OSError")
    one = scenario(attempts=(attempt("smtplib", expected), attempt("socket")))
    made = plan([one], interpreters=PYTHONS[:1], attempts=["smtplib"], client=MY_CLIENT)
    assert attempts_of(made) == [("refused-port", "3.9.18", "smtplib", "my.py", 1)]
    assert made.labs[0].attempts[0].expectation == expected
    assert made.labs[0].attempts[0].source == "print(1)\n"


def test_planning_changes_nothing_that_it_is_given() -> None:
    one = scenario()
    before = replace(one)
    plan([one], interpreters=PYTHONS, client=MY_CLIENT)
    assert one == before


def test_a_client_whose_name_is_not_utf8_has_one_that_a_document_can_hold() -> None:
    odd = Client(path=Path("\udcff.py"), source="")
    for made in (
        plan([scenario()], interpreters=PYTHONS[:1], client=odd),
        plan([scenario()], interpreters=PYTHONS[:1], client=odd, attempts=["smtplib"]),
    ):
        (*_, given) = attempts_of(made)
        assert given[3] == "\\udcff.py"
        assert given[2] in ("\\udcff", "smtplib")


def test_attempts_that_require_libraries_get_the_interpreter_that_has_them() -> None:
    plain = interpreter("3.13.5")
    equipped = replace(plain, image="client-libs", packages={"httpx": "1.0"})
    needy = replace(attempt("httpx"), requires=("httpx",))
    one = scenario("one", attempts=(attempt("smtplib"), needy))
    made = plan([one], interpreters=[plain], with_libraries=[equipped])
    assert [(a.attempt, a.requires, a.interpreter.image) for a in made.labs[0].attempts] == [
        ("smtplib", (), "client"), ("httpx", ("httpx",), "client-libs"),
    ]  # fmt: skip


def test_a_client_of_ones_own_has_the_libraries_of_the_attempt_that_judges_it() -> None:
    plain = interpreter("3.13.5")
    equipped = replace(plain, image="client-libs", packages={"httpx": "1.0"})
    needy = replace(attempt("httpx"), requires=("httpx",))
    one = scenario("one", attempts=(needy,))
    for attempts, image in ((("httpx",), "client-libs"), ((), "client")):
        made = plan(
            [one],
            interpreters=[plain], with_libraries=[equipped], attempts=attempts, client=MY_CLIENT,
        )  # fmt: skip
        given = [a for lab in made.labs for a in lab.attempts if a.client]
        assert [a.interpreter.image for a in given] == [image]


def test_a_part_of_a_plan_starts_only_what_it_needs() -> None:
    one = scenario("one", services=(DNS, CLOSED), attempts=(attempt("smtplib"), attempt("socket")))
    other = scenario("other", services=(DNS, MAIL))
    apart = scenario("apart", compose=Path("own.yaml"))
    scenarios = [one, other, apart]
    whole = plan(scenarios, interpreters=PYTHONS, repeat=2)
    units = {made.unit for made in whole.attempts if made.attempt == "socket"}
    part = keep_units(whole, units, scenarios)
    assert attempts_of(part) == [each for each in attempts_of(whole) if each[2] == "socket"]
    (lab,) = part.labs
    assert [service.name for service in lab.services] == ["dns", "closed"]
    assert lab.scenarios == ("one",)
    assert keep_units(whole, {made.unit for made in whole.attempts}, scenarios) == whole
