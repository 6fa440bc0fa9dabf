"""`python3 tools/seccomp_filters.py PROFILE.json`: writes the filters in labctl/warden/filters.

The profile is Docker's default: seccomp/default.json of https://github.com/moby/profiles. The
filters are for libseccomp's architectures x86_64, with x86 and x32, and aarch64, with arm. They
are arrays of `struct sock_filter`, little-endian.

All programs of the local engine get the same filter. The profile has rules for some capabilities.
Of these, a service can ask for CAP_SYS_CHROOT alone, so its rule is taken and the others are left
out. The kernel still asks for the capability. Rules with `minKernel` are taken: the one that there
is asks for Linux 4.8.

As with runc, a call that is newer than all in the filter gets ENOSYS. With EPERM, programs would
not fall back to older calls.

In two places, the filters are stricter than Docker's. Docker's mean to keep out AF_VSOCK, which no
network namespace holds, and AF_ALG, the kernel's cryptography. These do:

- Docker's rules for `socket` compare 64 bits, and the kernel takes 32 of them: family 2**32 + 40 is
  allowed, and is AF_VSOCK. Here, families end at 45.
- `socketcall` of x86 gets ENOSYS: a filter can't see which family it is called with. Programs call
  `socket` instead since Linux 4.3.

Needs Python's binding of libseccomp (`python3-seccomp` in Debian), and nothing of labctl.
"""

from __future__ import annotations

import errno
import json
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import seccomp  # type: ignore[import-not-found]

FOLDER = Path(__file__).parents[1] / "labctl" / "warden" / "filters"
Rule = Mapping[str, Any]
"""A rule of the profile: names, action, args, and when it applies."""


class Machine(NamedTuple):
    """What programs a machine runs, by three names for it."""

    name: str
    """As `uname -m` says it."""
    docker: str
    """As the profile's conditions say it."""
    arch: str
    """As the profile's `archMap` says it."""


MACHINES = (
    Machine("x86_64", "amd64", "SCMP_ARCH_X86_64"),
    Machine("aarch64", "arm64", "SCMP_ARCH_AARCH64"),
)
CAPABILITIES = frozenset({"CAP_SYS_CHROOT"})
REFUSED = ("socketcall",)
"""What the profile allows, and the filters do not."""
LAST_FAMILY = 45
"""The last address family of sockets that Linux has: AF_MCTP."""
_COMPARISONS = {
    "SCMP_CMP_LT": seccomp.LT,
    "SCMP_CMP_EQ": seccomp.EQ,
    "SCMP_CMP_MASKED_EQ": seccomp.MASKED_EQ,
}
_PRIVATE = 0x0F0000
"""Where arm has calls of its own, far from the others. Those of x32 are even higher."""


def applies(rule: Rule, machine: Machine) -> bool:
    """Whether a rule is for programs on this machine, with these capabilities."""
    includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
    unknown = (includes.keys() | excludes.keys()) - {"arches", "caps", "minKernel"}
    if unknown or "minKernel" in excludes:
        raise ValueError(f"a rule has conditions that this program does not know: {rule}")
    return (
        machine.docker in includes.get("arches", [machine.docker])
        and machine.docker not in excludes.get("arches", [])
        and CAPABILITIES.issuperset(includes.get("caps", []))
        and CAPABILITIES.isdisjoint(excludes.get("caps", []))
    )


def arguments(rule: Rule) -> Iterator[list[Any]]:
    """The arguments that a rule is about. One of them must match, and all comparisons in it."""
    compared = rule.get("args") or []
    if [one["op"] for one in compared] == ["SCMP_CMP_GT"] and rule["names"] == ["socket"]:
        (one,) = compared
        for family in range(one["value"] + 1, LAST_FAMILY + 1):
            yield [seccomp.Arg(one["index"], seccomp.EQ, family)]
        return
    yield [
        seccomp.Arg(one["index"], _COMPARISONS[one["op"]], one["value"], one.get("valueTwo", 0))
        for one in compared
    ]


def action(rule: Rule, default: int) -> int:
    """What libseccomp calls the action of a rule."""
    if rule["action"] == "SCMP_ACT_ALLOW":
        return int(seccomp.ALLOW)
    if rule["action"] == "SCMP_ACT_ERRNO":
        return int(seccomp.ERRNO(rule.get("errnoRet", default)))
    raise ValueError(f"a rule has an action that this program does not know: {rule}")


def architectures(profile: Mapping[str, Any], machine: Machine) -> list[int]:
    """The architectures whose programs a machine runs, in libseccomp's numbers; its own first."""
    (entry,) = (one for one in profile["archMap"] if one["architecture"] == machine.arch)
    names = [entry["architecture"], *entry["subArchitectures"]]
    return [getattr(seccomp.Arch, name.removeprefix("SCMP_ARCH_")) for name in names]


def compiled(profile: Mapping[str, Any], machine: Machine) -> bytes:
    """The filter for a machine. Tells on stderr what is in it, and what is not."""
    if profile["defaultAction"] != "SCMP_ACT_ERRNO":
        raise ValueError("the profile does not refuse what it does not name")
    default = profile["defaultErrnoRet"]
    arches = architectures(profile, machine)
    made = _empty(arches, default)
    rules = [rule for rule in profile["syscalls"] if applies(rule, machine)]
    known, unknown = _sorted_names(rules, arches)
    count = 0
    for name in known.intersection(REFUSED):
        made.add_rule(seccomp.ERRNO(errno.ENOSYS), name)
    for rule in rules:
        for name in rule["names"]:
            if name in known and name not in REFUSED:
                for compared in arguments(rule):
                    made.add_rule(action(rule, default), name, *compared)
                    count += 1
    last = max(filter(lambda number: number < _PRIVATE, _numbers(known, arches[:1])))
    program = _newer_than(last, arches) + _exported(made)
    sys.stderr.write(
        f"{machine.name}: {len(rules)} rules of the profile, {count} for libseccomp;"
        f" {len(program) // 8} instructions; ENOSYS after {last}\n"
        f"  unknown to this libseccomp, and left out: {', '.join(unknown) or 'none'}\n"
    )
    return program


def _empty(arches: list[int], default: int) -> Any:
    """A filter for these architectures that refuses everything."""
    made = seccomp.SyscallFilter(seccomp.ERRNO(default))
    made.set_attr(seccomp.Attr.CTL_NNP, 0)
    made.set_attr(seccomp.Attr.CTL_OPTIMIZE, 2)  # a binary tree
    # What a filter begins with. The binding tells it unsigned, and takes it signed.
    (own,) = struct.unpack("<i", struct.pack("<I", seccomp.system_arch()))
    for arch in arches:
        if arch != own:
            made.add_arch(arch)
    if own not in arches:
        made.remove_arch(own)
    return made


def _sorted_names(rules: Iterable[Rule], arches: list[int]) -> tuple[set[str], list[str]]:
    """The calls that one of the architectures has, and those that libseccomp does not know."""
    names = {name for rule in rules for name in rule["names"]}
    known = {name for name in names if any(number >= 0 for number in _numbers([name], arches))}
    return known, sorted(name for name in names if set(_numbers([name], arches)) == {-1})


def _numbers(names: Iterable[str], arches: list[int]) -> Iterator[int]:
    """The numbers of calls, on each architecture. -1: unknown; less than that: not there."""
    for name in names:
        for arch in arches:
            yield seccomp.resolve_syscall(arch, name)


def _newer_than(last: int, arches: list[int]) -> bytes:
    """What a filter begins with, so that calls newer than `last` get ENOSYS.

    New calls have the same number on every architecture (since 424). Nothing is decided of other
    architectures; x32 has that of x86_64 in the kernel.
    """
    real = [arch for arch in arches if arch != seccomp.Arch.X32]
    load, equal, greater, not_less, end = 0x20, 0x15, 0x25, 0x35, 0x06
    begin = [(load, 0, 0, 4)]
    for left, arch in zip(reversed(range(len(real))), real, strict=True):
        begin.append((equal, left, 0 if left else 4, arch & 0xFFFF_FFFF))
    begin += [
        (load, 0, 0, 0),
        (greater, 0, 2, last),
        (not_less, 1, 0, _PRIVATE),
        (end, 0, 0, 0x0005_0000 | errno.ENOSYS),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in begin)


def _exported(made: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return file.read()


def main(arguments: list[str]) -> None:
    """Write both filters."""
    if len(arguments) != 1:
        sys.exit("usage: python3 tools/seccomp_filters.py PROFILE.json")
    profile = json.loads(Path(arguments[0]).read_text("utf-8"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for machine in MACHINES:
        (FOLDER / f"{machine.name}.bpf").write_bytes(compiled(profile, machine))


if __name__ == "__main__":
    main(sys.argv[1:])
