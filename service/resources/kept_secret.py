"""Secrets that a gateway creates once and keeps in a file of the data folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from imaging.formats.atomic import raising_storage_full

_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """The content of a file that is created with 32 random bytes if it does not exist.

    Only its owner may read it; gateways that start together get the same secret.
    """
    if not path.is_file():
        _create(path)
    return path.read_bytes()


def _create(path: Path) -> None:
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
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
