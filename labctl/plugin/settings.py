"""The plugin's settings: options and ini files, parsed once. Imports little."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from labctl.engines import ENGINE_VARIABLE, EngineName, parse_engine
from labctl.errors import InputError, LabError, UsageError
from labctl.pythons import parse_series
from labctl.text import escape_control


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The plugin's settings.

    `pythons` are the series that clients run on (`3.13`). `limit_s` are the seconds that a client
    may take. `folders` have the project's own scenarios. `engine` is where labs run; None if that
    is not set here.
    """

    pythons: tuple[str, ...]
    limit_s: float
    folders: tuple[Path, ...]
    engine: EngineName | None


_SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
_MAX_LIMIT_S = 3600


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings of a pytest run. Raises pytest.UsageError if one is invalid."""
    if _SETTINGS not in config.stash:
        try:
            config.stash[_SETTINGS] = _parsed(config)
        except LabError as error:
            raise pytest.UsageError(error_text(error)) from None
    return config.stash[_SETTINGS]


def error_text(error: LabError) -> str:
    """Return the text of an error, or of each error in it, with hints on lines of their own."""
    errors = error.each() if isinstance(error, InputError) else (error,)
    lines = [f"{one}\n  hint: {one.hint}" if one.hint else str(one) for one in errors]
    # Errors may quote the logs of services.
    return escape_control("\n".join(lines), keep_newlines=True)


def _parsed(config: pytest.Config) -> Settings:
    """Return the plugin's settings from pytest's configuration. Raise UsageError if they
    are wrong.
    """
    folders = tuple(config.getini("labctl_scenarios"))
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(
                f"labctl_scenarios: there is no folder {folder}",
                hint="paths there are relative to the ini file",
            )
    return Settings(
        pythons=_pythons(config), limit_s=_limit_s(config), folders=folders, engine=_engine(config)
    )


def _engine(config: pytest.Config) -> EngineName | None:
    """Return the engine that labs are to run on. The environment counts more than the ini file,
    and the option more than both.
    """
    if option := config.getoption("--labctl-engine"):
        return parse_engine(option, what="--labctl-engine")
    given = config.getini("labctl_engine")
    if given and not os.environ.get(ENGINE_VARIABLE):
        return parse_engine(given, what="labctl_engine")
    return None


def _pythons(config: pytest.Config) -> tuple[str, ...]:
    """Return the Python series that are asked for."""
    text = config.getoption("--labctl-python") or config.getini("labctl_python")
    return parse_series(text)


def _limit_s(config: pytest.Config) -> float:
    """Return the limit of a run in seconds. Raise UsageError if it is not a positive number."""
    option = config.getoption("--labctl-timeout")
    text = config.getini("labctl_timeout") if option is None else option
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MAX_LIMIT_S:
        raise UsageError(
            f"labctl's timeout must be a number of seconds up to {_MAX_LIMIT_S}, not {text}",
            hint="see --labctl-timeout, and labctl_timeout in the ini file",
        )
    return seconds
