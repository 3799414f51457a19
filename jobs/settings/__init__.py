"""The settings of gateway and workers, read from the environment."""

from jobs.settings.audit import AuditSettings
from jobs.settings.command_line import CommandLineSettings
from jobs.settings.dicom import AE_TITLE, DicomSettings
from jobs.settings.gateway import GatewaySettings
from jobs.settings.log import LogSettings
from jobs.settings.oidc import OidcSettings
from jobs.settings.recovery import RecoverySettings
from jobs.settings.section import Section
from jobs.settings.sign_in import SignInSettings
from jobs.settings.storage import StorageSettings
from jobs.settings.worker import WorkerSettings

__all__ = ["AE_TITLE", "SECTIONS", "Settings"]


class Settings(
    StorageSettings,
    GatewaySettings,
    SignInSettings,
    DicomSettings,
    RecoverySettings,
    WorkerSettings,
    OidcSettings,
    AuditSettings,
    LogSettings,
    CommandLineSettings,
):
    """All settings. `TESSERA_DATA=/srv/tessera` sets `data`, and so on."""


SECTIONS: tuple[type[Section], ...] = Settings.__bases__
"""The sections in the order of the reference."""
