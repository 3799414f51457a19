"""How the description of the API shows bodies that are files."""

from typing import Any

_BYTES = {"type": "string", "format": "binary"}


def file_content(*media_types: str) -> dict[str, Any]:
    """The `content` of a request or response: JSON is an object, everything else is bytes."""
    return {
        one: {"schema": {"type": "object"} if one == "application/json" else _BYTES}
        for one in media_types
    }
