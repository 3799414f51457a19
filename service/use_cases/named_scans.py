"""Named scans: scans that a client refers to by a name of its own choice."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time

from imaging.errors import BadRequest, LegalHold
from jobs.image_name import ImageName, is_id, is_uid
from jobs.repository import ImageNames
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.use_cases.archives import Archives
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval


@dataclass(frozen=True, slots=True)
class NamedScans:
    """Stores and finds scans by name."""

    names: ImageNames
    intake: ScanIntake
    removal: ScanRemoval
    archives: Archives

    def take_in(self, project: str, files: Sequence[ReceivedFile], name: str = "") -> StoredScan:
        """Takes one scan in and gives it a name, unless `name` is empty.

        Raises what `ScanIntake.take_one` raises, Conflict if another scan has the name, and
        BadRequest if the name looks like the UID of another series or the id of another scan; a
        scan that is new is deleted then, unless a legal hold covers it.
        """
        taken = self.intake.take_one(project, files)
        try:
            self._add_name(taken.scan, name)
        except BaseException:
            if taken.created:
                with suppress(LegalHold):
                    self.removal.delete(project, taken.scan.id)
            raise
        return taken.scan

    def _add_name(self, scan: StoredScan, name: str) -> None:
        """Stores a name of the client's own choice; an id and a UID are names already."""
        if name in ("", scan.id, scan.series):
            return
        if is_uid(name) or is_id(name):
            raise BadRequest(
                "The name looks like a SeriesInstanceUID or an id, and the image has another one.",
                expected="A name that is neither, or the DICOM files of the series with this UID.",
                hint="Choose another name, or send the image without a name.",
            )
        now = time()
        self.names.add(ImageName(scan.project, name, scan.id, now, now))

    def find(self, principal: Principal, name: str) -> StoredScan:
        """The stored scan with this id, name, SeriesInstanceUID or file name.

        Raises NotFound, BadRequest for an empty name, Conflict if several scans have the file name.
        """
        if not name:
            raise BadRequest(
                "The request names no image.",
                expected="`image`: an id, a name or a SeriesInstanceUID.",
                hint="Send the image first; GET datastore/?output=all lists the images.",
            )
        return self.names.find(principal.project, name)

    def may_fetch(self, principal: Principal, name: str) -> bool:
        """Whether a scan that is not stored may be fetched from a peer under this name."""
        return is_uid(name) and principal.has(Permission.ARCHIVES_PULL)

    def fetch(self, principal: Principal, name: str) -> StoredScan:
        """Fetches a series from the first peer that has it; raises as `Archives.pull_from_any`."""
        self.archives.pull_from_any(principal, name)
        return self.names.find(principal.project, name)  # of several volumes the same every time
