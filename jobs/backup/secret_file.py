"""The secrets of a data folder, which are kept apart from the backups.

With the pseudonym key, anyone can tell which pseudonym a known patient has. In a backup it would
undo what de-identification is for: that the data and the key to it are kept apart (GDPR,
Art. 4(5)).
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from imaging.errors import BadRequest, Conflict
from jobs.private_files import SECRETS

_PSEUDONYM_KEY = "pseudonyms.key"


def secrets_in(data: Path) -> dict[str, bytes]:
    """The secrets that the data folder has: file name -> content."""
    return {name: (data / name).read_bytes() for name in SECRETS if (data / name).is_file()}


def key_check(configured: str, data: Path) -> str:
    """A value that tells the pseudonym key from others and does not reveal it; empty: no key.

    `configured`: TESSERA_PSEUDONYM_SECRET, which comes before the file. A secret that people choose
    could be found by trying, so that each try is made slow.
    """
    key = configured.encode() or secrets_in(data).get(_PSEUDONYM_KEY, b"")
    if not key:
        return ""
    salt = b"tessera backup: pseudonym key"
    return hashlib.scrypt(key, salt=salt, n=1 << 14, r=8, p=1, dklen=8).hex()


def write_secrets(path: Path, secrets: Mapping[str, bytes]) -> None:
    """Writes a new file that only its owner can read; raises FileExistsError."""
    packed = {name: base64.b64encode(value).decode() for name, value in secrets.items()}
    _write_private(path, json.dumps(packed).encode())


def write_secret_files(data: Path, secrets: Mapping[str, bytes]) -> None:
    """Writes secrets to the data folder, which has none of these."""
    for name, value in secrets.items():
        _write_private(data / name, value)


def read_secrets(path: Path, data: Path) -> Mapping[str, bytes]:
    """The secrets of a file; raises BadRequest if it is another kind of file, and Conflict if the
    data folder has other secrets."""
    try:
        packed = json.loads(path.read_bytes())
        secrets = {name: base64.b64decode(packed[name], validate=True) for name in packed}
    except (ValueError, TypeError) as error:
        raise BadRequest(
            "The file of --secrets is not one that `tessera backup` wrote.",
            expected="A JSON file with secrets.",
            hint="Give the file that `tessera backup --secrets` wrote.",
        ) from error
    present = secrets_in(data)
    if any(secrets[name] != value for name, value in present.items() if name in secrets):
        raise Conflict(
            "The data folder has other secrets than the file of --secrets.",
            expected="A data folder without secrets, or with the same ones.",
            hint="Restore into a new data folder, or leave --secrets out to keep the folder's.",
        )
    return {name: secrets[name] for name in SECRETS if name in secrets and name not in present}


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
