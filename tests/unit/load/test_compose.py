"""Compose files: what labs take from them, and the message of everything else."""

# ruff: noqa: E501 a mistake and its message are one row of a table

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.load.bundled import bundled_compose
from labctl.load.compose import load_compose
from labctl.model.compose import Attachment, Dependency, Service
from tests.unit.load.texts import COMPOSE, hint, mistakes, write

NETWORKS = "networks: {lab: {ipam: {config: [{subnet: 198.18.0.0/24}]}}}\n"
ALLOWED = (
    "AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, KILL, NET_ADMIN, NET_BIND_SERVICE, NET_RAW,"
    " SETGID, SETUID, SYS_CHROOT"
)
SUBSTITUTED = "variables are not substituted here: write the value, or $$ for a dollar sign"
IMAGE = "put the files into the image"
NAMESPACES = "services share no namespaces with the host or one another"


def service(body: str) -> Service:
    """The one service `web` of a file in which it has that body, one key in a line."""
    return load_compose(web(body))["web"]


def web(body: str) -> Path:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return write("lab.yaml", f"services:\n  web:\n    image: nginx\n{lines}{NETWORKS}")


def wrong(text: str) -> list[str]:
    path = write("lab.yaml", text)
    return mistakes(lambda: load_compose(path))


def test_the_built_in_file_is_right() -> None:
    assert "dns" in load_compose(bundled_compose())


def test_a_file_as_docker_compose_1_29_takes_it() -> None:
    services = load_compose(write("lab.yaml", COMPOSE))
    assert list(services) == ["dns", "closed", "mail"]
    assert services["closed"].command == ("closed", "--quiet")
    assert services["dns"].aliases == ("dns.lab",)
    assert services["mail"].depends_on == {"closed": Dependency()}


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        ("command: sh -c 'echo $$x'", "command", ("sh", "-c", "echo $x")),
        ("command: [sh, -c, a b]", "command", ("sh", "-c", "a b")),
        ("entrypoint: /bin/x -v", "entrypoint", ("/bin/x", "-v")),
        ("environment: {A: b, C: 3}", "environment", {"A": "b", "C": "3"}),
        ("environment: [A=b, E=, C=d=e]", "environment", {"A": "b", "E": "", "C": "d=e"}),
        ("cap_add: [NET_ADMIN, CAP_NET_RAW]", "cap_add", ("NET_ADMIN", "NET_RAW")),
        ("tmpfs: /run", "tmpfs", ("/run",)),
        ("tmpfs: ['/tmp:size=16m,mode=1777']", "tmpfs", ("/tmp:size=16m,mode=1777",)),
        ("sysctls: {net.ipv4.icmp_ratelimit: 0}", "sysctls", {"net.ipv4.icmp_ratelimit": "0"}),
        ("sysctls: [net.ipv4.tcp_retries2=3]", "sysctls", {"net.ipv4.tcp_retries2": "3"}),
        ("networks: [lab]", "networks", {"lab": Attachment()}),
        ("networks: {lab: }", "networks", {"lab": Attachment()}),
        ("networks: [default]", "networks", {"default": Attachment()}),
        ("mem_limit: 64m", "mem_limit", "64m"),
        ("hostname: Web-1.lab", "hostname", "Web-1.lab"),
        ("init: true", "init", True),
        ("stop_signal: SIGRTMIN+3", "stop_signal", "SIGRTMIN+3"),
        ("shm_size: 64m", "shm_size", "64m"),
        ("x-mine: {a: [1]}", "name", "web"),
    ],
)
def test_what_a_service_may_say(body: str, key: str, value: object) -> None:
    assert getattr(service(body), key) == value


@pytest.mark.parametrize(
    "body",
    [
        "labels: {com.example.of: lab, count: 3}",
        "labels: [com.example.of=lab, bare]",
        "expose: [8080, '9000-9003/udp']",
        "logging: {driver: json-file, options: {max-size: 10m}}",
        "stop_grace_period: 5s",
    ],
)
def test_keys_that_labs_accept_and_do_nothing_with(body: str) -> None:
    assert service(body) == service("")


def test_health_checks() -> None:
    check = service("healthcheck: {test: nc -z a $$PORT, interval: 500ms, retries: 3}").healthcheck
    assert check is not None
    assert (check.test, check.interval, check.retries) == ("nc -z a $PORT", 0.5, 3)
    check = service("healthcheck: {test: [CMD, nc, -z]}").healthcheck
    assert check is not None
    assert check.test == ("CMD", "nc", "-z")


@pytest.mark.parametrize(
    ("body", "key", "why"),
    [
        ("volumes: ['/:/host']", "volumes", f"labs mount nothing of the host and keep nothing; {IMAGE}"),
        ("volumes_from: [x]", "volumes_from", f"labs mount nothing; {IMAGE}"),
        ("secrets: [x]", "secrets", f"labs mount nothing; {IMAGE}"),
        ("privileged: true", "privileged", "nothing in a lab may have the host's rights; name what it needs in `cap_add`"),
        ("network_mode: host", "network_mode", "services are on the lab's network alone; name it under `networks`"),
        ("pid: host", "pid", NAMESPACES),
        ("ipc: host", "ipc", NAMESPACES),
        ("userns_mode: host", "userns_mode", NAMESPACES),
        ("ports: ['25:25']", "ports", "nothing of a lab is published; clients run inside its network"),
        ("devices: [/dev/kvm]", "devices", "labs have no devices of the host"),
        ("build: .", "build", "labctl runs images and builds none of these; build it first, then name its `image`"),
        ("env_file: .env", "env_file", "write the variables under `environment`"),
        ("extra_hosts: ['a:1.2.3.4']", "extra_hosts", "a lab's names come from its DNS service; give a service `aliases`"),
        ("container_name: x", "container_name", "labctl names its containers; other services find this one by its aliases"),
        ("restart: always", "restart", "a service that dies is an error of the lab, so none is restarted"),
    ],
)  # fmt: skip
def test_keys_that_labs_refuse(body: str, key: str, why: str) -> None:
    path = web(body)
    expected = [f'lab.yaml:4: services.web: "{key}" can\'t be used in a lab: {why}']
    assert mistakes(lambda: load_compose(path)) == expected
    assert hint(lambda: load_compose(path)) == f"remove `{key}`"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("comand: x", ': unknown key "comand"; did you mean "command"?'),
        ("loging: {}", ': unknown key "loging"; did you mean "logging"?'),
        ("name: x", ': unknown key "name"; did you mean "hostname"?'),
        ("healthcheck: {test: x, disable: true}", '.healthcheck: unknown key "disable"'),
        ("healthcheck: {interval: 1s}", '.healthcheck: the key "test" is missing'),
        ("healthcheck: {test: [nc, -z]}", ".healthcheck.test: a list must start with CMD or CMD-SHELL"),
        ("healthcheck: {test: [NONE]}", ".healthcheck.test: a list must start with CMD or CMD-SHELL"),
        ("healthcheck: {test: 3}", ".healthcheck.test: must be a list or text, not a whole number (3)"),
        ("healthcheck: {test: echo $A}", f".healthcheck.test: {SUBSTITUTED}"),
        ("healthcheck: {test: x, interval: 5}", ".healthcheck.interval: a duration is a number with a unit, like 500ms or 2s, not 5"),
        ("healthcheck: {test: x, retries: 0}", ".healthcheck.retries: must be at least 1, not 0"),
        ("command: echo $HOME", f".command: {SUBSTITUTED}"),
        ("command: [a, '${B}']", f".command[1]: {SUBSTITUTED}"),
        ("command: a 'b", ".command: can't be split into words: No closing quotation"),
        ("command: 3", ".command: must be a list, not a whole number (3)"),
        ("environment: [A]", ".environment: each entry must be NAME=VALUE, not 'A'"),
        ("environment: [{A: b}]", ".environment: each entry must be NAME=VALUE, not {'A': 'b'}"),
        ("environment: [A=1, A=2]", ".environment: A is here twice"),
        ("environment: {A: }", ".environment.A: has no value: must be text"),
        ("environment: {A: 3.10}", ".environment.A: must be text, not a number (3.10)"),
        ("environment: {A: true}", ".environment.A: must be text, not a boolean (true)"),
        ("environment: {A: $B}", f".environment.A: {SUBSTITUTED}"),
        ("cap_add: [SYS_ADMIN]", f".cap_add[0]: SYS_ADMIN is not given: it is nearly root on the host. Allowed are {ALLOWED}"),
        ("cap_add: [NET_RAW, ALL]", f".cap_add[1]: ALL is not given: it holds SYS_ADMIN, which is nearly root on the host. Allowed are {ALLOWED}"),
        ("cap_add: [SYS_PTRACE]", f".cap_add[0]: SYS_PTRACE is not given: it can read and change other processes. Allowed are {ALLOWED}"),
        ("cap_add: [SYS_MODULE]", f".cap_add[0]: SYS_MODULE is not given: it loads code into the host's kernel. Allowed are {ALLOWED}"),
        ("cap_add: [MKNOD]", f".cap_add[0]: MKNOD is not given: it makes device nodes, and labs have no use for them. Allowed are {ALLOWED}"),
        ("cap_add: [SYSLOG]", f".cap_add[0]: SYSLOG is not given: no service of a lab needs it. Allowed are {ALLOWED}"),
        ("cap_drop: [NET_RAW]", '.cap_drop[0]: must be "ALL", not "NET_RAW"'),
        ("security_opt: ['seccomp:unconfined']", '.security_opt[0]: must be "no-new-privileges:true", not "seccomp:unconfined"'),
        ("sysctls: {kernel.msgmax: 1}", ".sysctls.kernel.msgmax: only sysctls of the network namespace (net.*) can be set"),
        ("tmpfs: [tmp]", ".tmpfs[0]: a tmpfs is a path in the container, like /tmp:size=16m, not 'tmp'"),
        ("tmpfs: [/a/../b]", ".tmpfs[0]: a tmpfs is a path in the container, like /tmp:size=16m, not '/a/../b'"),
        ("tmpfs: ['/a:/b:ro']", ".tmpfs[0]: a tmpfs is a path in the container, like /tmp:size=16m, not '/a:/b:ro'"),
        ("mem_limit: lots", ".mem_limit: a size of memory is a number with a unit, like 256m, not 'lots'"),
        ("mem_limit: 100", ".mem_limit: must be text, not a whole number (100)"),
        ("shm_size: 1", ".shm_size: must be text, not a whole number (1)"),
        ("hostname: a_b", ".hostname: a host name has letters, digits, dashes and dots, not 'a_b'"),
        ("hostname: -a", ".hostname: a host name has letters, digits, dashes and dots, not '-a'"),
        ("hostname: a..b", ".hostname: a host name has letters, digits, dashes and dots, not 'a..b'"),
        ("init: 'yes'", '.init: must be true or false, not "yes"'),
        ("stop_signal: stop it", ".stop_signal: a signal is a name or a number, like SIGINT, not 'stop it'"),
        ("pids_limit: 100000", ".pids_limit: must be at most 4096, not 100000"),
        ("pids_limit: -1", ".pids_limit: must be at least 1, not -1"),
        ("user: 0", ".user: must be text, not a whole number (0)"),
        ("networks: {lab: {ipv4_address: 300.1.1.1}}", ".networks.lab.ipv4_address: '300.1.1.1' is not an IPv4 address"),
        ("networks: {lab: {ipv4_address: 198.18.0.1}}", ".networks.lab.ipv4_address: 198.18.0.1 must end in a number from 2 to 127; labs use the others"),
        ("networks: {lab: {ipv4_address: 198.18.0.128}}", ".networks.lab.ipv4_address: 198.18.0.128 must end in a number from 2 to 127; labs use the others"),
        ("networks: {lab: {ipv4_address: 10.0.0.3}}", ".networks.lab.ipv4_address: 10.0.0.3 is in no subnet of the network lab"),
        ("networks: {default: {ipv4_address: 10.0.0.3}}", ".networks.default.ipv4_address: 10.0.0.3 is in no subnet of the network default"),
        ("networks: {lab: {aliases: [A B]}}", ".networks.lab.aliases[0]: must be a name of at most 63 small letters, digits, dots, dashes and underscores, not \"A B\""),
        ("networks: {lab: {priority: 1}}", '.networks.lab: unknown key "priority"'),
        ("networks: [laboratory]", '.networks: no network is called "laboratory"'),
        ("networks: [lap]", '.networks: no network is called "lap"; did you mean "lab"?'),
        ("networks: [lab, default]", ".networks: can have at most 1"),
        ("networks: [[lab]]", ".networks: each entry of this list must be a name"),
        ("depends_on: [wep]", '.depends_on: no service is called "wep"; did you mean "web"?'),
        ("depends_on: {db: {condition: service_healthy}}", '.depends_on: no service is called "db"'),
        ("depends_on: [{db: }]", ".depends_on: each entry of this list must be a name"),
        ("depends_on: {web: {condition: service_completed_successfully}}", '.depends_on.web.condition: must be "service_started" or "service_healthy", not "service_completed_successfully"'),
        ("depends_on: [web]", ".depends_on: these depend on each other in a circle: web -> web"),
    ],
)  # fmt: skip
def test_mistakes_in_a_service(body: str, message: str) -> None:
    path = web(body)
    assert mistakes(lambda: load_compose(path)) == [f"lab.yaml:4: services.web{message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("volumes: {}\nservices: {a: {image: x}}", f'1: "volumes" can\'t be used in a lab: labs mount nothing of the host and keep nothing; {IMAGE}'),
        ("servces: {a: {image: x}}", '1: unknown key "servces"; did you mean "services"?'),
        ("version: 3.8\nservices: {a: {image: x}}", "1: version: must be text, not a number (3.8)"),
        ("services: {}", "1: services: must not be empty"),
        ("services: [a]", "1: services: must be a mapping, not a list"),
        ("services:\n  a:", "2: services.a: has no value: must be a mapping"),
        ("services:\n  a: {}", '2: services.a: the key "image" is missing'),
        ("services:\n  A: {image: x}", '2: services.A: must be a name of at most 63 small letters, digits, dots, dashes and underscores, not "A"'),
        ('services:\n  a: {image: "x:${T}"}', f"2: services.a.image: {SUBSTITUTED}"),
        ("services: {a: {image: x}}\nnetworks: {a: , b: }", "2: networks: can have at most 1"),
        ("services: {a: {image: x}}\nnetworks: {a: {external: true}}", '2: networks.a: unknown key "external"; did you mean "internal"?'),
        ("services: {a: {image: x}}\nnetworks: {a: {driver: host}}", '2: networks.a.driver: must be "bridge", not "host"'),
        ("services: {a: {image: x}}\nnetworks: {a: {ipam: {config: [{subnet: 1.2.3.4/8}]}}}", "2: networks.a.ipam.config[0].subnet: '1.2.3.4/8' is not an IPv4 network, like 198.18.7.0/24: 1.2.3.4/8 has host bits set"),
    ],
)  # fmt: skip
def test_mistakes_around_the_services(text: str, message: str) -> None:
    assert wrong(text) == [f"lab.yaml:{message}"]


def test_what_services_can_only_have_one_of() -> None:
    text = f"""\
services:
  a: {{image: x, networks: {{lab: {{aliases: [m.lab, b], ipv4_address: 198.18.0.3}}}}}}
  b: {{image: x, networks: {{lab: {{aliases: [b, m.lab], ipv4_address: 198.18.0.3}}}}}}
{NETWORKS}"""
    assert wrong(text) == [
        "lab.yaml:2: services.a.networks.lab.aliases[1]: b is already a name of the service b",
        "lab.yaml:3: services.b.networks.lab.aliases[1]: m.lab is already a name of the service a",
        (
            "lab.yaml:3: services.b.networks.lab.ipv4_address: the address of the service a ends in 3"
            " too, and labs keep only that number"
        ),
    ]


def test_services_that_wait_for_each_other() -> None:
    text = """\
services:
  a: {image: x, depends_on: [b]}
  b: {image: x, depends_on: {c: {condition: service_healthy}}}
  c: {image: x, depends_on: [a]}
"""
    assert wrong(text) == [
        "lab.yaml:2: services.a.depends_on: these depend on each other in a circle: a -> b -> c -> a"
    ]


def test_all_mistakes_of_a_file_are_told() -> None:
    text = """\
services:
  a:
    image: x
    name: a
    ports: [1]
    cap_add: [ALL]
"""
    assert wrong(text) == [
        'lab.yaml:4: services.a: unknown key "name"; did you mean "hostname"?',
        (
            'lab.yaml:5: services.a: "ports" can\'t be used in a lab: nothing of a lab is published;'
            " clients run inside its network"
        ),
        (
            "lab.yaml:6: services.a.cap_add[0]: ALL is not given: it holds SYS_ADMIN, which is nearly"
            f" root on the host. Allowed are {ALLOWED}"
        ),
    ]
