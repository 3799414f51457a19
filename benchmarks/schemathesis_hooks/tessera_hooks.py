"""Runs inside of schemathesis: how bodies of media types are sent that it does not know."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def bytes_as_they_are(_context: Any, value: Any) -> bytes:
    """The content of a part of an upload (tus)."""
    return value if isinstance(value, bytes) else str(value).encode()
