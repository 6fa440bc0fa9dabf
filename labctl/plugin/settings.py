"""What options and ini files say, parsed once. Imports little."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from labctl.errors import InputError, LabError, UsageError
from labctl.text import escape_control


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The Pythons that clients run on (`3.13`), how many seconds each may take, and the folders
    of the project's own scenarios.
    """

    pythons: tuple[str, ...]
    limit_s: float
    folders: tuple[Path, ...]


_SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
_LONGEST_S = 3600
SERIES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""As in labctl.model.plan, which takes long to import."""


def settings_of(config: pytest.Config) -> Settings:
    """The settings of a pytest. pytest.UsageError for one that can't be."""
    if _SETTINGS not in config.stash:
        try:
            config.stash[_SETTINGS] = _parsed(config)
        except LabError as error:
            raise pytest.UsageError(told(error)) from None
    return config.stash[_SETTINGS]


def told(error: LabError) -> str:
    """All that an error says, its hint on a line of its own."""
    each = error.each() if isinstance(error, InputError) else (error,)
    lines = [f"{one}\n  hint: {one.hint}" if one.hint else str(one) for one in each]
    # Errors may quote the logs of services.
    return escape_control("\n".join(lines), keep_newlines=True)


def _parsed(config: pytest.Config) -> Settings:
    folders = tuple(config.getini("labctl_scenarios"))
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"labctl_scenarios: there is no folder {folder}",
                hint="paths there are relative to the ini file",
            )
    return Settings(pythons=_pythons(config), limit_s=_limit_s(config), folders=folders)


def _pythons(config: pytest.Config) -> tuple[str, ...]:
    text = config.getoption("--labctl-python") or config.getini("labctl_python")
    wanted = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if "all" in wanted:
        return SERIES
    return tuple(map(known_python, wanted or [text]))


def known_python(series: str) -> str:
    """The same. UsageError for one that no client can run on."""
    if series not in SERIES:
        raise UsageError(
            f"no client image has Python {series!r}", hint=f"there are {', '.join(SERIES)}, and all"
        )
    return series


def _limit_s(config: pytest.Config) -> float:
    given = config.getoption("--labctl-timeout")
    written = config.getini("labctl_timeout") if given is None else given
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(
            f"labctl's timeout must be a number of seconds up to {_LONGEST_S}, not {written}",
            hint="see --labctl-timeout, and labctl_timeout in the ini file",
        )
    return seconds
