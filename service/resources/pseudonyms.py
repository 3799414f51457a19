"""The secrets from which the pseudonyms of patients are made: one for each project."""

import hmac
from dataclasses import dataclass

from jobs.repository import SharedPseudonyms
from jobs.settings import Settings
from service.resources.kept_secret import kept_secret

_FILE = "pseudonyms.key"


@dataclass(frozen=True, slots=True)
class PseudonymSecrets:
    """The secrets of projects. The same patient has another pseudonym in each project, so that
    nobody can look up those of a project by an upload into another one."""

    settings: Settings
    shared: SharedPseudonyms

    def of(self, project: str) -> bytes:
        """The secret of a project; of one in `shared`, it is that of the installation."""
        secret = pseudonym_secret(self.settings)
        if self.shared.include(project):
            return secret
        return hmac.digest(secret, f"project:{project}".encode(), "sha256")


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
