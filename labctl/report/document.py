"""The result document, for other programs."""

from __future__ import annotations

from labctl.model.result import Result


def result_json(result: Result) -> str:
    """The document `labctl-result/1`, ending in a newline."""
    return result.model_dump_json(by_alias=True, indent=2) + "\n"
