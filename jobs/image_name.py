"""A name of a scan in the MONAI Label API."""

import re
from dataclasses import dataclass

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
"""PS3.5, 9.1; at most 64 characters. Devices also send UIDs with leading zeros."""
_ID = re.compile(r"[0-9a-f]{32}")


def is_uid(name: str) -> bool:
    """Whether a name looks like a UID: it means a DICOM series then, and nothing else."""
    return len(name) <= 64 and _UID.fullmatch(name) is not None


def is_id(name: str) -> bool:
    """Whether a name looks like the id of a scan or session."""
    return _ID.fullmatch(name) is not None


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
