"""The data keys of a folder of backups."""

from pathlib import Path
from typing import TYPE_CHECKING

from jobs.settings import Settings

if TYPE_CHECKING:  # it loads a library of cryptography
    from jobs.encryption import StoreKeys


def backup_keys(settings: Settings, target: Path, *, rotate: bool = False) -> "StoreKeys | None":
    """The keys that encrypt the backups in `target`; None: the settings have no key.

    `rotate`: encrypts them with the settings' current key if an earlier one did. Raises BadRequest
    if the settings lack the key of encrypted backups.
    """
    from jobs.encryption import KeyFolder, KeyRing, StoreKeys, check_not_encrypted

    folder = KeyFolder(target)
    if not settings.encryption_key:
        check_not_encrypted(folder)
        return None
    keys = StoreKeys(folder, KeyRing.parse(settings.encryption_key))
    keys.check()
    if rotate:
        keys.rotate()
    return keys
