"""Result documents, as `labctl run --json` wrote them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from labctl.errors import InputError, Where
from labctl.load.files import MIB, read_bytes
from labctl.model.base import NAME_PATTERN
from labctl.model.result import Result

LIMIT = 1024 * MIB
_HINT = "give a document that `labctl run --json FILE` wrote"


def read_result(path: Path) -> Result:
    """Read the result in a file. Raise InputError if it has none, or one of another format."""
    data = read_bytes(path, LIMIT)
    try:
        result = Result.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        text = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(
            f"is not the result of a run: {text}", where=Where(path=path), hint=_HINT
        ) from None
    for name, scenario in result.scenarios.items():
        if not re.fullmatch(NAME_PATTERN, name):
            raise InputError(f"no scenario can be called {name!r}", where=Where(path=path))
        for file in scenario.files:
            _check_inside(file, name, path)
    return result


def _check_inside(file: str, scenario: str, path: Path) -> None:
    """Raise InputError if a file's path leads out of its scenario's folder."""
    parts = PurePosixPath(file)
    if parts.is_absolute() or ".." in parts.parts or "\\" in file or "\0" in file or not parts.name:
        raise InputError(
            f"the scenario {scenario} has a file {file!r} that is not in its folder",
            where=Where(path=path),
            hint=_HINT,
        )
