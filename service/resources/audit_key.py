"""The key that signs the audit trail."""

from pathlib import Path

from imaging.errors import BadRequest
from jobs.audit.signing import Signer
from jobs.settings import Settings
from service.resources.kept_secret import kept_secret

FILE = "audit.key"


def audit_signer(settings: Settings) -> Signer:
    """Signs with `settings.audit_key`, or with the key file, which is created at first use."""
    if settings.audit_key:
        return Signer.of_secret(settings.audit_key.encode())
    return Signer.of_secret(kept_secret(settings.data / FILE))


def existing_signer(settings: Settings) -> Signer | None:
    """As `audit_signer`, but creates no key; None if there is none."""
    if settings.audit_key or (settings.data / FILE).is_file():
        return audit_signer(settings)
    return None


def signers_of_file(path: Path) -> list[Signer]:
    """The signers that a key file may stand for: a text may end with a line break, which is no part
    of the key. Raises BadRequest for an empty file, OSError if it cannot be read."""
    secret = path.read_bytes()
    if not secret:
        raise BadRequest(
            f"The key file {path} is empty.",
            expected="The file audit.key of a data folder, or the text of TESSERA_AUDIT_KEY.",
            hint="Restore the file from a backup.",
        )
    return [Signer.of_secret(key) for key in dict.fromkeys((secret, secret.rstrip(b"\r\n")))]
