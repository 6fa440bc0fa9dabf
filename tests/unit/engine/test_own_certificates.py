"""Which services are handed certificates of their own, and which ones."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from labctl.engine.own_certificates import own_certificates
from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.compose import Attachment, Service
from labctl.services import tls
from tests.unit.engine.fake_runtime import FakeRuntime
from tests.unit.engine.test_lab import DNS, engine, lab_of

SCRIPT = "4400: [{tls: {}}, close]"


def service(script: str, *aliases: str) -> Service:
    return Service(
        name="shop",
        image="labctl/lab",
        environment={"LAB_PORTS": script},
        networks={"lab": Attachment(aliases=aliases)},
    )


@pytest.mark.parametrize(
    ("script", "made"),
    [
        (SCRIPT, {"good"}),
        (
            "4400: [{tls: {cert: expired}}]\n4401: [{tls: {cert: chain}}]",
            {"good", "expired", "chain"},
        ),
        ("4400: [close]", None),
    ],
)
def test_only_what_a_script_names_is_made(script: str, made: set[str] | None) -> None:
    variables = own_certificates(service(script, "shop.lab"))
    assert variables.keys() == ({tls.OWN_CERTIFICATES} if made else set())
    if made:
        assert json.loads(variables[tls.OWN_CERTIFICATES]).keys() == made


def test_a_service_without_aliases_is_called_by_its_name() -> None:
    assert own_certificates(service(SCRIPT))
    assert own_certificates(service(SCRIPT, "tls.lab")) == {}
    assert own_certificates(service(SCRIPT, "tls.lab", "shop.lab"))


def test_they_are_the_same_each_time() -> None:
    assert own_certificates(service(SCRIPT, "a.lab")) == own_certificates(service(SCRIPT, "a.lab"))
    assert own_certificates(service(SCRIPT, "a.lab")) != own_certificates(service(SCRIPT, "b.lab"))


def test_labctls_own_services_need_none_and_the_library_for_them_is_not_imported() -> None:
    assert not any(map(own_certificates, load_compose(bundled_compose()).values()))
    code = "import sys, labctl.engine.lab; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_lab_hands_them_to_its_service_alone() -> None:
    runtime = FakeRuntime()
    with engine(runtime).lab(lab_of(DNS, service(SCRIPT, "shop.lab"))) as lab:
        lab.wait_until_ready()
    found = {spec.name.split("-")[3]: spec.environment for spec in runtime.made}
    assert {name: tls.OWN_CERTIFICATES in given for name, given in found.items()} == {
        "services": False,
        "shop": True,
    }
