"""Policy files: what may come out of a client of one's own, scenario by scenario."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from pydantic import ValidationError

from labctl.errors import InputError, did_you_mean
from labctl.load.files import read_text
from labctl.load.problems import input_errors, raise_all
from labctl.load.walk import texts
from labctl.load.yaml_reader import SIZE_LIMIT, Document, Place, read_yaml, with_place
from labctl.model.layers import LAYERS
from labctl.model.policy import Policy, PolicyFile


def load_policy(path: Path, *, scenarios: Collection[str]) -> Policy:
    """Load the policy in a file. `scenarios` are the names that it may use. An empty file is a
    policy, too: everything has its default. Raise InputError, or ManyInputErrors.
    """
    text = read_text(path, SIZE_LIMIT)
    if _is_blank(text):
        return Policy(path=path, text=text)
    document = read_yaml(path)
    unknown = list(_unknown(document, scenarios))
    try:
        written = PolicyFile.model_validate(document.data)
    except ValidationError as error:
        raise_all([*input_errors(error, PolicyFile, document), *unknown])
        raise
    raise_all(unknown)
    return Policy(spec=written, path=path, text=text)


def _is_blank(text: str) -> bool:
    """Tell whether a file has nothing but comments and empty lines."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def _unknown(document: Document, scenarios: Collection[str]) -> Iterator[InputError]:
    """Yield an error for each layer and scenario that does not exist."""
    listed = f"they are: {', '.join(LAYERS)}"
    for place, name in _keys(document, "layers"):
        if name not in LAYERS:
            message = f'no layer is called "{name}"{did_you_mean(name, LAYERS)}'
            yield InputError(
                with_place(place[:-1], message), where=document.where_key(place), hint=listed
            )
    skipped = ((place, place, name) for place, name in texts(document, ("skip",)))
    ruled = ((place, place[:-1], name) for place, name in _keys(document, "scenarios"))
    for place, told, name in (*skipped, *ruled):
        if name not in scenarios:
            message = f'no scenario is called "{name}"{did_you_mean(name, scenarios)}'
            where = document.where_key(place)
            yield InputError(
                with_place(told, message), where=where, hint="`labctl list` shows them all"
            )


def _keys(document: Document, key: str) -> Iterator[tuple[Place, str]]:
    """Yield the keys of a mapping, with their places."""
    found = document.get((key,))
    yield from (((key, name), name) for name in (found if isinstance(found, dict) else ()))
