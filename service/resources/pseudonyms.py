"""The secret behind the pseudonyms of de-identified scans."""

import os
import secrets
from contextlib import suppress

from imaging.formats.atomic import raising_storage_full
from jobs.settings import Settings

_FILE = "pseudonyms.key"
_BYTES = 32


def secret_of(settings: Settings) -> bytes:
    """The setting, else a file in the data folder that is made once and only its owner may read.

    Gateways that start together find the same one. Whoever loses it gives the patients of later
    uploads other pseudonyms; whoever has it can tell which pseudonym a known patient has.
    """
    if settings.dicom_secret:
        return settings.dicom_secret.encode()
    path = settings.data / _FILE
    if not path.is_file():
        draft = path.with_name(f".{_FILE}-{secrets.token_hex(8)}")
        with raising_storage_full():
            settings.data.mkdir(parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another gateway was first: its secret is the one
                os.link(draft, path)
            draft.unlink()
    return path.read_bytes()
