"""Scans of uploads that arrived in several requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadRequest, UnreadableScan
from imaging.hashes import sha256_of
from service.resources.partial_uploads import PartialUpload, PartialUploads
from service.resources.scratch import Scratch
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import IntakeResult, ScanIntake, ScanSelection


@dataclass(frozen=True, slots=True)
class FinishedUpload:
    """An upload to make a scan of."""

    id: str
    sha256: str | None = None
    """SHA-256 of the sender's file; None: not compared."""


@dataclass(frozen=True, slots=True)
class UploadedScans:
    """Makes scans of complete uploads, by the same intake as any other scan."""

    uploads: PartialUploads
    intake: ScanIntake
    scratch: Scratch

    def take_in(
        self,
        project: str,
        finished: Sequence[FinishedUpload],
        wanted: ScanSelection,
        by: str = "",
    ) -> IntakeResult:
        """As `ScanIntake.take_in`, for the files of these uploads together.

        The uploads stay for some minutes, so that the same request gives the same scans again.
        Raises NotFound, Conflict for an incomplete upload, UnreadableScan where the SHA-256
        differs, BadRequest for too many bytes, and what `ScanIntake.take_in` raises.
        """
        uploads = [self.uploads.get(project, one.id) for one in finished]
        self._check_size(uploads)
        with self.scratch.subfolder() as folder:
            files = [
                self._received(upload, one, folder / str(number))
                for number, (upload, one) in enumerate(zip(uploads, finished, strict=True))
            ]
            result = self.intake.take_in(project, files, wanted, by=by)
        for upload in uploads:
            self.uploads.mark_taken(upload)
        return result

    def _check_size(self, uploads: Sequence[PartialUpload]) -> None:
        limit = self.uploads.limits.max_bytes
        if sum(upload.length for upload in uploads) > limit:
            raise BadRequest(
                "The uploads are too large together.",
                expected=f"At most {limit:,} bytes.",
                hint="Send fewer files, or let an administrator raise the limit "
                "(TESSERA_MAX_UPLOAD_BYTES).",
            )

    def _received(self, upload: PartialUpload, one: FinishedUpload, path: Path) -> ReceivedFile:
        self.uploads.link(upload, path)
        if one.sha256 is not None and sha256_of(path) != one.sha256:
            self.uploads.remove(upload)
            raise UnreadableScan(
                "An upload did not arrive as it was sent: its SHA-256 differs.",
                expected="The SHA-256 that the request states.",
                hint="Upload the file again.",
            )
        return ReceivedFile(path, upload.name, upload.length)
