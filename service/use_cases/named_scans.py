"""Named scans: scans that a client refers to by a name of its own choice."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time

from imaging.errors import BadRequest, LegalHold
from jobs.image_name import ImageName
from jobs.repository import ImageNames
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.use_cases.archives import Archives
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
"""PS3.5, 9.1; at most 64 characters."""


@dataclass(frozen=True, slots=True)
class NamedScans:
    """Stores and finds scans by name."""

    names: ImageNames
    intake: ScanIntake
    removal: ScanRemoval
    archives: Archives

    def take_in(self, project: str, files: Sequence[ReceivedFile], name: str = "") -> StoredScan:
        """Takes one scan in and gives it a name, unless `name` is empty.

        Raises what `ScanIntake.take_one` raises, and Conflict if another scan has the name; a scan
        that is new is deleted then, unless a legal hold covers it.
        """
        taken = self.intake.take_one(project, files)
        scan, now = taken.scan, time()
        if name and name != scan.id:
            try:
                self.names.add(ImageName(project, name, scan.id, now, now))
            except BaseException:
                if taken.created:
                    with suppress(LegalHold):
                        self.removal.delete(project, scan.id)
                raise
        return scan

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
        return _is_uid(name) and principal.has(Permission.ARCHIVES_PULL)

    def fetch(self, principal: Principal, name: str) -> StoredScan:
        """Fetches a series from the first peer that has it; raises as `Archives.pull_from_any`."""
        self.archives.pull_from_any(principal, name)
        return self.names.find(principal.project, name)  # of several volumes the same every time


def _is_uid(name: str) -> bool:
    return len(name) <= 64 and _UID.fullmatch(name) is not None
