"""Reads the JSON files of a source, with texts that name what is wrong. Torch-free."""

import json
from pathlib import Path
from typing import Any

from imaging.errors import BadModel

LARGEST_BYTES = 64 << 20
"""No description of a network is larger."""


def read_json(path: Path) -> Any:
    """The content of a file; raises BadModel where it cannot be read."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _unreadable(path.name, "it is larger than 64 MiB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise _unreadable(path.name, error.strerror or "it cannot be opened") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path.name, "it is not valid JSON") from error


def json_or_none(path: Path) -> Any:
    """The content of a file, or None: to recognise a source."""
    try:
        return read_json(path)
    except BadModel:
        return None


def _unreadable(name: str, why: str) -> BadModel:
    return BadModel(
        f"{name} of the source cannot be read: {why}.",
        expected="The file as it was published.",
        hint="Download the source again.",
    )
