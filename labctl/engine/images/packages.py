"""The third-party packages of the lab image: copies of those that labctl itself runs with."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labctl.engine.images.names import LAB_SERIES
from labctl.errors import EngineError

ROOTS = ("aiosmtpd", "dnspython", "PyYAML")
"""What the services import; what these need comes along."""

_WITHOUT_SPEEDUPS = frozenset({"pyyaml"})
"""Those that do without their compiled part."""

_LAB = {
    "extra": "",
    "os_name": "posix",
    "platform_system": "Linux",
    "sys_platform": "linux",
    "python_version": LAB_SERIES,
    "python_full_version": f"{LAB_SERIES}.0",
}


def closure() -> tuple[Distribution, ...]:
    """Return the packages in the lab image and all that they need, by name."""
    found: dict[str, Distribution] = {}
    wanted = list(ROOTS)
    while wanted:
        name = canonicalize_name(wanted.pop())
        if name not in found:
            found[name] = _installed(name)
            wanted.extend(_needs(found[name]))
    return tuple(found[name] for name in sorted(found))


def versions(packages: tuple[Distribution, ...]) -> tuple[str, ...]:
    """Return `name==version` for each package."""
    return tuple(f"{package.name}=={package.version}" for package in packages)


def modules(packages: tuple[Distribution, ...]) -> dict[str, bytes]:
    """Read every module of these packages, and return the contents by the path below the folder for
    packages.
    """
    return {path: content for package in packages for path, content in _modules(package)}


def _installed(name: str) -> Distribution:
    """Return the metadata of a package installed beside labctl. Raise EngineError if it is
    missing.
    """
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise EngineError(
            f"the lab image needs the package {name}, which is not installed beside labctl",
            hint="install labctl anew (pip install --force-reinstall labctl, or ./bootstrap)",
        ) from None


def _needs(package: Distribution) -> Iterator[str]:
    """Yield the names of the packages that a package needs in the lab image."""
    for text in package.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(_LAB):
            yield requirement.name


def _modules(package: Distribution) -> Iterator[tuple[str, bytes]]:
    """Read the Python files of a package, and yield them with their paths. Raise EngineError for
    compiled ones.
    """
    optional = canonicalize_name(package.name) in _WITHOUT_SPEEDUPS
    for file in package.files or ():
        if file.suffix == ".so" and not optional:
            raise EngineError(
                f"the lab image takes pure Python packages only, and {package.name} has {file}",
                hint="install the version that constraints.txt names",
            )
        if file.suffix == ".py" and ".." not in file.parts and "tests" not in file.parts:
            yield str(file), file.read_binary()
