"""UIDs of written objects: the same object has the same UID wherever and whenever it is written."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0c2d54-6a8e-5b52-9d0e-6c1f0b7a3c11")


def uid(*parts: str) -> str:
    """A UID derived from the name-based UUID of `parts` (PS3.5 B.2)."""
    return f"2.25.{uuid5(_NAMESPACE, chr(0).join(parts)).int}"
