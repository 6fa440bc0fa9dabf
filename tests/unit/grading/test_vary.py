"""Another name and another port in each lab, behind which all is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.grading.vary import Variation
from labctl.load.bundled import bundled_compose, bundled_folder
from labctl.load.compose import load_compose
from labctl.model.compose import Attachment, Service
from labctl.model.scenario import Target
from labctl.services import ports

BUNDLED = load_compose(bundled_compose())
MAIL_ONCE = load_compose(bundled_folder("exercises") / "mail-once" / "lab.yaml")
SCRIPT = """\
2001: [{read: 1}, {send: "\\xff\\x00\\r\\n"}, reset]
2001/udp: [{send: pong}]
2002: {turns: [[reset], [{dialogue: smtp, RCPT: {"<eve@": "550 no"}}]]}
"""
RULES = """\
chain input {
  type filter hook input priority filter; policy accept;
  tcp dport 2001 drop
  tcp sport 2001 tcp dport 20010 accept
  tcp dport 2002 drop }
chain output {
  tcp sport 2001 reject
}"""
ANSWERS = """\
odd.lab: servfail
two.lab: [one.lab, mail.lab]
numbers.lab: [99]
"""


def service(name: str, *aliases: str, **changes: Any) -> Service:
    given: dict[str, Any] = {
        "name": name,
        "image": "labctl/lab",
        "command": ("script",),
        "networks": {"lab": Attachment(aliases=aliases)},
    }
    return Service.model_validate({**given, **changes})


ONE = service("one", "one.lab", "uno.lab", environment={"LAB_PORTS": SCRIPT, "LAB_RULES": RULES})
MAIL = service("mail", "mail.lab", command=("mail",))
DNS = service("dns", "dns.lab", command=("dns",), environment={"LAB_ANSWERS": ANSWERS})


def varied(*given: Service, seed: str = "s") -> Variation:
    return Variation(given or (DNS, ONE, MAIL), seed)


def named(variation: Variation, name: str) -> Service:
    return next(one for one in variation.services if one.name == name)


def script(one: Service) -> Any:
    return yaml.safe_load(one.environment["LAB_PORTS"])


def test_a_target_has_another_name_and_another_port() -> None:
    aim = varied().aim(Target(host="one.lab", port=2001), vary=True)
    host, port = aim.target.host, aim.target.port
    assert host.endswith(".lab")
    assert host != "one.lab"
    assert 10_000 <= port < 20_000
    assert aim.placeholders == {"host": host, "port": str(port), "nonce": aim.placeholders["nonce"]}
    assert len(aim.placeholders["nonce"]) == 10


def test_without_vary_only_the_nonce_is_another() -> None:
    variation = varied()
    target = Target(host="one.lab", port=2001)
    one, other = (variation.aim(target, vary=False) for _ in range(2))
    assert one.target == other.target == target
    assert (one.placeholders["host"], one.placeholders["port"]) == ("one.lab", "2001")
    assert one.placeholders["nonce"] != other.placeholders["nonce"]
    assert variation.services == (DNS, ONE, MAIL)


def test_the_old_name_and_port_stay_and_come_first() -> None:
    variation = varied()
    host = variation.aim(Target(host="uno.lab", port=2001), vary=True).target.host
    changed = named(variation, "one")
    assert changed.aliases == ("one.lab", "uno.lab", host)
    assert script(changed)[2001] == script(ONE)[2001]
    assert named(variation, "mail") is MAIL
    assert [one.name for one in variation.services] == ["dns", "one", "mail"]


def test_a_script_does_the_same_on_the_new_port_tcp_and_udp() -> None:
    variation = varied()
    port = variation.aim(Target(host="one.lab", port=2001), vary=True).target.port
    found = script(named(variation, "one"))
    assert set(found) == {2001, "2001/udp", 2002, port, f"{port}/udp"}
    assert found[port] == found[2001] == [{"read": 1}, {"send": "\xff\x00\r\n"}, "reset"]
    assert found[f"{port}/udp"] == [{"send": "pong"}]
    assert ports.parse(named(variation, "one").environment["LAB_PORTS"])


def test_a_port_on_which_nobody_listens_stays_one() -> None:
    variation = varied()
    variation.aim(Target(host="one.lab", port=2525), vary=True)
    assert named(variation, "one").environment["LAB_PORTS"] == SCRIPT


def test_a_firewalls_rules_are_for_the_new_port_too() -> None:
    variation = varied()
    port = variation.aim(Target(host="one.lab", port=2001), vary=True).target.port
    assert named(variation, "one").environment["LAB_RULES"].splitlines() == [
        "chain input {",
        "  type filter hook input priority filter; policy accept;",
        "  tcp dport 2001 drop",
        f"  tcp dport {port} drop",
        "  tcp sport 2001 tcp dport 20010 accept",
        f"  tcp sport {port} tcp dport 20010 accept",
        "  tcp dport 2002 drop }",
        "chain output {",
        "  tcp sport 2001 reject",
        f"  tcp sport {port} reject",
        "}",
    ]


def test_an_odd_answer_is_given_for_the_new_name() -> None:
    variation = varied()
    host = variation.aim(Target(host="odd.lab", port=25), vary=True).target.host
    answers = yaml.safe_load(named(variation, "dns").environment["LAB_ANSWERS"])
    assert answers == {**yaml.safe_load(ANSWERS), host: "servfail"}
    assert named(variation, "one") is ONE


def test_a_name_of_several_leads_to_the_new_port_of_each() -> None:
    variation = Variation(
        [DNS, ONE, service("mail", "mail.lab", environment={"LAB_PORTS": SCRIPT})], "s"
    )
    aim = variation.aim(Target(host="two.lab", port=2002), vary=True)
    answers = yaml.safe_load(named(variation, "dns").environment["LAB_ANSWERS"])
    assert answers[aim.target.host] == ["one.lab", "mail.lab"]
    for name in ("one", "mail"):
        assert script(named(variation, name))[aim.target.port] == script(ONE)[2002]
    assert named(variation, "one").aliases == ONE.aliases


@pytest.mark.parametrize("host", ["mail.lab", "two.lab"])
def test_who_is_no_script_listens_where_it_listens(host: str) -> None:
    aim = varied().aim(Target(host=host, port=25), vary=True)
    assert aim.target.port == 25
    assert aim.target.host != host


def test_a_name_that_nothing_has_is_varied_too() -> None:
    variation = varied()
    aim = variation.aim(Target(host="nosuch.lab", port=25), vary=True)
    assert aim.target.host != "nosuch.lab"
    assert aim.target.port != 25
    assert variation.services == (DNS, ONE, MAIL)


def test_an_address_is_left_alone() -> None:
    aim = varied().aim(Target(host="198.18.0.99", port=25), vary=True)
    assert aim.target.host == "198.18.0.99"
    assert aim.placeholders["host"] == "198.18.0.99"


@pytest.mark.parametrize("networks", [{}, {"lab": Attachment()}])
def test_a_service_without_aliases_is_called_by_its_own_name(networks: dict[str, Any]) -> None:
    variation = varied(service("web", networks=networks))
    host = variation.aim(Target(host="web", port=80), vary=True).target.host
    assert named(variation, "web").aliases == ("web", host)


def test_two_runs_with_one_target_have_two() -> None:
    variation = varied()
    aims = [variation.aim(Target(host="one.lab", port=2001), vary=True).target for _ in range(3)]
    assert len({aim.host for aim in aims}) == len({aim.port for aim in aims}) == 3
    changed = named(variation, "one")
    assert changed.aliases == ("one.lab", "uno.lab", *(aim.host for aim in aims))
    assert all(script(changed)[aim.port] == script(ONE)[2001] for aim in aims)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    def made(seed: str) -> tuple[object, ...]:
        variation = varied(seed=seed)
        aims = [variation.aim(Target(host="one.lab", port=2001), vary=True) for _ in range(3)]
        return (
            *[(aim.target, tuple(aim.placeholders.items())) for aim in aims],
            variation.services,
        )

    assert made("s/1") == made("s/1")
    assert not {*made("s/1")[:3]} & {*made("s/2")[:3]}


SCRIPTS = [
    (compose, name, one)
    for compose, services in (("bundled", BUNDLED), ("mail-once", MAIL_ONCE))
    for name, one in services.items()
    if "LAB_PORTS" in one.environment
]


@pytest.mark.parametrize(
    "one", [one for _, _, one in SCRIPTS], ids=[f"{where}-{name}" for where, name, _ in SCRIPTS]
)
def test_every_bundled_script_can_be_varied(
    one: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CERTIFICATES", str(folder))
    before = script(one)
    numbers = [int(str(key).partition("/")[0]) for key in before]
    variation = varied(one)
    aims = [variation.aim(Target(host=one.aliases[0], port=n), vary=True) for n in numbers]
    (changed,) = variation.services
    after = script(changed)
    parsed = ports.parse(changed.environment["LAB_PORTS"])
    assert len(parsed) == len(after) == 2 * len(before)
    assert {key: after[key] for key in before} == before
    for key, aim in zip(before, aims, strict=True):
        new = f"{aim.target.port}/udp" if str(key).endswith("/udp") else aim.target.port
        assert after[new] == before[key]
    # The kernel takes no longer variable.
    assert all(len(text.encode()) < 128 * 1024 for text in changed.environment.values())


def test_every_rule_of_the_bundled_firewall_is_doubled() -> None:
    rules = BUNDLED["firewall"].environment["LAB_RULES"]
    variation = varied(BUNDLED["firewall"])
    port = variation.aim(Target(host="firewall.lab", port=3003), vary=True).target.port
    before, after = rules.splitlines(), named(variation, "firewall").environment["LAB_RULES"]
    extra = [line for line in after.splitlines() if line not in before]
    assert extra == [f"  tcp dport {port} reject with icmp host-unreachable"]
