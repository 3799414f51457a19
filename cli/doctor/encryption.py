"""Checks of the encryption of stored files."""

from collections.abc import Iterator
from contextlib import suppress

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.errors import DamagedFile, NotFound, TesseraError
from jobs.blobs import EncryptedBlobs, open_blobs
from jobs.settings import Settings

_ENCRYPTION = "encryption"
_MOST_OPENED = 20
"""Files whose last block is decrypted. `tessera encryption status --check` reads all in full."""


def check_encryption(settings: Settings) -> Iterator[Finding]:
    """Whether all stored files are encrypted, and whether the key opens them."""
    if not settings.blob_url and not settings.data.is_dir():
        return  # reported with the data folder
    try:
        blobs = open_blobs(settings)
        if not isinstance(blobs, EncryptedBlobs):
            text = "Stored files are not encrypted by Tessera: there is no key in the settings."
            yield ok(_ENCRYPTION, text)
            return
        blobs.keys.check()
        encrypted, plain = blobs.file_names()
    except TesseraError as error:
        yield problem(_ENCRYPTION, error.detail, error.hint)
        return
    damaged = sum(_is_damaged(blobs, name) for name in encrypted[:_MOST_OPENED])
    if damaged:
        yield problem(
            _ENCRYPTION,
            f"{damaged:,} of {min(len(encrypted), _MOST_OPENED):,} files that were tried cannot be "
            "decrypted.",
            "Read all with `tessera encryption status --check`, and restore them from a backup.",
        )
    elif plain:
        yield warning(
            _ENCRYPTION,
            f"{len(encrypted):,} stored files are encrypted, and {len(plain):,} are not.",
            "Run `tessera encryption encrypt`.",
        )
    else:
        yield ok(_ENCRYPTION, f"All {len(encrypted):,} stored files are encrypted with the key.")


def _is_damaged(blobs: EncryptedBlobs, name: str) -> bool:
    with suppress(NotFound):  # deleted meanwhile
        try:
            blobs.open(name)
        except DamagedFile:
            return True
    return False
