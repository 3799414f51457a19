"""Same scans: a DICOM scan that is stored already is found again, whatever way it comes in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadInput, DamagedFile, NotFound
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from jobs.blobs import Blobs
from jobs.repository import Scans
from jobs.stored_scan import StoredScan


@dataclass(frozen=True, slots=True)
class SameScans:
    """Compares scans with the stored scans of their series."""

    scans: Scans
    blobs: Blobs
    limits: Limits
    scratch: Path
    """Folder for arrays that do not fit into memory."""

    def of_images(self, project: str, scan: Scan) -> Sequence[StoredScan]:
        """The project's scans of the same images; none for a scan that is not DICOM."""
        if scan.source is None:
            return []
        return self.scans.of_images(project, scan.source.uid, scan.source.images)

    def find(
        self, scan: Scan, sha256: str | None, stored: Sequence[StoredScan]
    ) -> StoredScan | None:
        """The one of `stored` that is the same scan, by its content `sha256` or by its voxels.

        A scan that cannot be read is the same as none: its files are kept as they are.
        """
        for one in stored:
            if one.sha256 == sha256:
                return one
        return next((one for one in stored if self._is_same(scan, one)), None)

    def _is_same(self, scan: Scan, stored: StoredScan) -> bool:
        from imaging.formats.dicom.same_scan import is_same_scan  # it loads pydicom

        if scan.shape != stored.shape:
            return False
        try:
            with self.blobs.local(stored.sha256) as path:
                return is_same_scan(scan, open_scan(path, self.limits, self.scratch))
        except (BadInput, DamagedFile, NotFound):
            return False
