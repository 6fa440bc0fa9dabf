"""The command that makes an attempt once more."""

from __future__ import annotations

import pytest

from labctl.model.result import Request, ScenarioInfo
from labctl.report.rerun import rerun_command
from tests.unit.judge.samples import result
from tests.unit.report.rendered import result_of


@pytest.mark.parametrize(
    ("bundled", "named"), [(True, "refused-port"), (False, "scenarios/tcp/refused-port.yaml")]
)
def test_a_scenario_of_labctls_has_its_name_and_one_of_ones_own_its_file(
    bundled: bool, named: str
) -> None:
    info = ScenarioInfo(
        title="t", layer="tcp", path="scenarios/tcp/refused-port.yaml", bundled=bundled
    )
    run = result_of(result()).model_copy(update={"scenarios": {"refused-port": info}})
    assert rerun_command(run, result()) == f"labctl run {named} --attempt smtplib --python 3.13"


@pytest.mark.parametrize(
    ("client", "attempt", "request_", "options"),
    [
        ("my.py", "my", Request(client="a b/my.py"), "--client 'a b/my.py'"),
        ("my", "my", Request(client="my"), "--client my"),
        ("my.py", "smtplib", Request(client="my.py"), "--client my.py --attempt smtplib"),
        (
            "my.py",
            "my",
            Request(client="my.py", policy="", policy_file="ci/policy.yaml"),
            "--client my.py --policy ci/policy.yaml",
        ),
        (
            "my.py",
            "my",
            Request(client="my.py", policy="", policy_file="default"),
            "--client my.py --policy default",
        ),
    ],
)
def test_a_client_of_ones_own(client: str, attempt: str, request_: Request, options: str) -> None:
    one = result(client=client, attempt=attempt)
    run = result_of(one).model_copy(update={"request": request_})
    assert rerun_command(run, one) == f"labctl run refused-port {options} --python 3.13"
