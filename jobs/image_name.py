"""A name of a scan in the MONAI Label API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageName:
    """The name of a scan in the MONAI Label API; the name of a session expires."""

    project: str
    name: str
    scan: str
    created_at: float
    used_at: float
    expiry_s: float | None = None
    """A session expires when it is not used for this long; None: not a session."""
    owns_scan: bool = False
    """The scan was uploaded for this session and is deleted with it."""
