"""What a result says of a scenario: where it stands, and the text of its files."""

from __future__ import annotations

import os
from pathlib import Path

from labctl.errors import InputError, Where
from labctl.load.bundled import bundled_folder
from labctl.load.files import read_text
from labctl.load.scenario import CLIENT_LIMIT
from labctl.load.yaml_reader import SIZE_LIMIT
from labctl.model.base import as_utf8
from labctl.model.result import ScenarioInfo
from labctl.model.scenario import Scenario


def scenario_info(scenario: Scenario, *, seen_from: Path) -> ScenarioInfo:
    """Return what a result says of a scenario, with the text of its files. Its path is relative to
    the folder `seen_from` if it is in there. Raise InputError if a file can't be read any more.
    """
    folder = scenario.path.parent
    return ScenarioInfo(
        title=scenario.title,
        layer=scenario.layer,
        tags=scenario.tags,
        path=as_utf8(_shown(scenario.path, seen_from)),
        bundled=scenario.path.absolute().is_relative_to(bundled_folder("scenarios").absolute()),
        lines={one.name: one.line for one in scenario.attempts},
        files={
            as_utf8(Path(os.path.relpath(file, folder)).as_posix()): read_text(file, _LIMIT)
            for file in scenario.files
        },
    )


_LIMIT = max(CLIENT_LIMIT, SIZE_LIMIT)


def _shown(path: Path, seen_from: Path) -> str:
    """Return a path as messages show it: relative if it is inside the folder that it is
    seen from.
    """
    whole = path.absolute()
    inside = whole.is_relative_to(seen_from)
    return (whole.relative_to(seen_from) if inside else path).as_posix()


def write_sources(info: ScenarioInfo, folder: Path) -> Path:
    """Write the files of a scenario into a folder, and return the path of the scenario's own. Raise
    InputError if they can't stand beside each other there.
    """
    for name, text in info.files.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        except OSError as error:
            raise InputError(
                f"its file {name} can't be written: {error.strerror}",
                where=Where(path=Path(info.path)),
            ) from error
    return folder / next(iter(info.files))
