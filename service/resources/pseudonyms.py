"""The secret from which the pseudonyms of de-identified scans are made."""

from jobs.settings import Settings
from service.resources.kept_secret import kept_secret

_FILE = "pseudonyms.key"


def pseudonym_secret(settings: Settings) -> bytes:
    """`settings.pseudonym_secret`, or the content of a file in the data folder if that is empty.

    Without it, patients of later uploads get other pseudonyms. With it, anyone can compute the
    pseudonym of a known patient.
    """
    if settings.pseudonym_secret:
        return settings.pseudonym_secret.encode()
    return kept_secret(settings.data / _FILE)


def has_pseudonym_secret(settings: Settings) -> bool:
    """Whether there is a secret already, which `pseudonym_secret` would not create."""
    return bool(settings.pseudonym_secret) or (settings.data / _FILE).is_file()
