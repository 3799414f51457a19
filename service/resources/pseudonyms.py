"""The secret from which the pseudonyms of de-identified scans are made."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from imaging.formats.atomic import raising_storage_full
from jobs.settings import Settings

_FILE = "pseudonyms.key"
_BYTES = 32


def pseudonym_secret(settings: Settings) -> bytes:
    """`settings.pseudonym_secret`, or the content of a file in the data folder if that is empty.

    The file is created once and only its owner may read it; gateways that start together get the
    same one. Without it, patients of later uploads get other pseudonyms. With it, anyone can
    compute the pseudonym of a known patient.
    """
    if settings.pseudonym_secret:
        return settings.pseudonym_secret.encode()
    path = settings.data / _FILE
    if not path.is_file():
        _create(path)
    return path.read_bytes()


def _create(path: Path) -> None:
    draft = path.with_name(f".{_FILE}-{secrets.token_hex(8)}")
    with raising_storage_full():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another gateway was first: its secret is used
            os.link(draft, path)
        draft.unlink()
