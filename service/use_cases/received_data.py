"""Received data outside the database: whose it is, and whether a legal hold covers it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from imaging.errors import TesseraError
from imaging.formats.dicom.subject import subject_of_file
from jobs.account import FIRST_PROJECT
from jobs.repository import Accounts, DicomSenders, LegalHolds, Repository
from jobs.retention.hold import HoldKind
from jobs.settings import Settings
from service.resources.partial_uploads import PartialUpload, PartialUploads, UploadLimits
from service.resources.pseudonyms import PseudonymSecrets
from service.resources.received_series import ReceivedFolder, ReceivedSeries


@dataclass(frozen=True, slots=True)
class ReceivedData:
    """The series and uploads in the data folder of this gateway."""

    series: ReceivedSeries
    uploads: PartialUploads
    accounts: Accounts
    senders: DicomSenders
    holds: LegalHolds
    secret: Callable[[str], bytes]
    """Returns the secret for the pseudonyms of a project."""

    @classmethod
    def of(cls, settings: Settings, rows: Repository) -> Self:
        """The received data of a gateway with these settings."""
        return cls(
            ReceivedSeries(settings.data),
            PartialUploads(settings.uploads, UploadLimits.of(settings)),
            rows.accounts,
            rows.dicom_senders,
            rows.legal_holds,
            PseudonymSecrets(settings, rows.shared_pseudonyms).of,
        )

    def series_of(self, project: str) -> Iterator[ReceivedFolder]:
        """The series that belong to a project, by their sender."""
        project_of = self._project_of()
        return (one for one in self.series.all() if project_of(one.sender) == project)

    def uploads_of(self, project: str) -> Iterator[PartialUpload]:
        """The resumable uploads of a project."""
        return (one for one in self.uploads.all() if one.project == project)

    def subject(self, project: str, path: Path) -> str | None:
        """The patient's pseudonym in a project, as `subject_of_file`; raises FileNotFoundError."""
        return subject_of_file(path, self.secret(project))

    def keeps_series(self, path: Path) -> bool:
        """Whether a hold covers the series in this folder, or that cannot be found out."""
        try:
            holds = self.holds.all()
            if not any(hold.kind is not HoldKind.SCAN for hold in holds):
                return False
            folder = self.series.read(path)
            project = self._project_of()(folder.sender)
            own = [hold for hold in holds if hold.project == project]
            if project is None or not own:
                return False
            subject = None if folder.first is None else self.subject(project, folder.first)
            return any(hold.covers(subject or "") for hold in own)
        except FileNotFoundError:
            return False
        except TesseraError:
            return True

    def keeps_upload(self, upload: PartialUpload) -> bool:
        """Whether a hold covers the project of an upload."""
        holds = self.holds.all(upload.project)
        return any(hold.kind is HoldKind.PROJECT for hold in holds)

    def _project_of(self) -> Callable[[str], str | None]:
        """AE title -> project, as the receiver maps it."""
        if not self.accounts.exist():
            return lambda _: FIRST_PROJECT
        return {one.ae_title: one.project for one in self.senders.all()}.get
