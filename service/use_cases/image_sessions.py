"""Image sessions: scans that are kept for a while and then deleted with all their results."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time
from uuid import uuid4

from imaging.errors import Conflict, NotFound
from jobs.image_name import ImageName
from jobs.repository import ImageNames, Sessions
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval


@dataclass(frozen=True, slots=True)
class ImageSessions:
    """Begins and ends sessions."""

    sessions: Sessions
    names: ImageNames
    intake: ScanIntake
    removal: ScanRemoval

    def begin(self, project: str, files: Sequence[ReceivedFile], expiry_s: float) -> ImageName:
        """Takes one scan in for `expiry_s` seconds after its last use."""
        taken, now = self.intake.take_one(project, files, temporary=True), time()
        session = ImageName(
            project, uuid4().hex, taken.scan.id, now, now, expiry_s, owns_scan=taken.created
        )
        self.names.add(session)
        return session

    def use(self, project: str, name: str) -> ImageName:
        """The session, which counts as used now; raises NotFound once it has expired."""
        return self.sessions.use(project, name)

    def expired(self) -> list[ImageName]:
        """The expired sessions of all projects."""
        return self.sessions.expired()

    def end(self, session: ImageName) -> bool:
        """Ends a session, and deletes the scan that came with it unless something else needs it.

        Returns whether the scan was deleted. While a job runs on the scan the session stays; it
        ends with a later call.
        """
        deleted = False
        if session.owns_scan and not self._needed(session):
            try:
                with suppress(NotFound):
                    self.removal.delete(session.project, session.scan)
                    deleted = True
            except Conflict:
                return False
        self.names.delete(session.project, session.name)
        return deleted

    def _needed(self, session: ImageName) -> bool:
        """Another session takes the scan over, or somebody named it or worked on it."""
        return (
            self.sessions.hand_over(session)
            or bool(self.names.of_scans([session.scan]))
            or self.sessions.has_reader_work(session)
        )
