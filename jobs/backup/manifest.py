"""The manifest of a backup."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from imaging.errors import BadRequest
from jobs.backup.line_files import damaged_backup

MANIFEST = "manifest.json"
FORMAT, ENCRYPTED_FORMAT = 1, 2
"""Of the backup's files, as they are or encrypted. A reader refuses a number that it does not
know."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is. It names no patient and contains no secret."""

    created_at: str
    """When the rows were read: RFC 3339, UTC."""
    version: str
    """Tessera's version."""
    revision: str
    """Of the database's schema."""
    rows: Mapping[str, int]
    """Table -> number of rows."""
    sha256: Mapping[str, str]
    """File beside the manifest -> its SHA-256."""
    blobs: int
    blob_bytes: int
    files: int
    """Files of the data folder."""
    file_bytes: int
    lost_blobs: tuple[str, ...] = ()
    """Blobs that rows refer to, and that were missing or damaged in the service itself."""
    key_check: str = ""
    """Tells whether a pseudonym key is the one of the backup; empty: there was none."""
    format: int = FORMAT

    @property
    def encrypted(self) -> bool:
        """Whether lists, rows and contents are encrypted."""
        return self.format == ENCRYPTED_FORMAT

    def text(self) -> str:
        """The content of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the backup in a folder; raises DamagedFile, and BadRequest for a backup of a
    later format."""
    try:
        values = json.loads((folder / MANIFEST).read_bytes())
        if values["format"] not in (FORMAT, ENCRYPTED_FORMAT):
            raise BadRequest(
                "The backup was made by a later version of Tessera.",
                expected=f"A backup of format {FORMAT} or {ENCRYPTED_FORMAT}.",
                hint=f"Restore it with Tessera {values['version']} or later.",
            )
        known = {field.name: values[field.name] for field in fields(Manifest)}
        return Manifest(**known | {"lost_blobs": tuple(values["lost_blobs"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged_backup("its manifest cannot be read") from error
