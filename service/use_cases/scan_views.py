"""Scan views: a scan as a NIfTI that every viewer can load."""

from dataclasses import dataclass
from itertools import chain

from imaging.formats import gzip_stream
from imaging.formats.limits import Limits
from imaging.formats.nifti.format import MASK as NIFTI
from imaging.formats.nifti.read import is_common_nifti
from imaging.formats.nifti.write import write_volume
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.downloads import Download, written_file

VOLUME_MEDIA_TYPE = NIFTI.media_type
"""Media type of every volume view."""


@dataclass(frozen=True, slots=True)
class ScanViews:
    """Makes views of stored scans, in flat memory."""

    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def volume(self, scan: StoredScan) -> Download:
        """The scan as NIfTI: the stored file if every viewer can show it, else written anew.

        A 2D image becomes a volume of one slice.
        """
        stored = self._as_stored(scan) if scan.format == NIFTI.name else None
        if stored is not None:
            return stored
        with self.blobs.local(scan.sha256) as source:
            opened = open_scan(source, self.limits, self.scratch.folder)
            return written_file(
                self.scratch,
                lambda path: write_volume(path, opened),
                f"scan-{scan.id}{NIFTI.file_ending}",
                VOLUME_MEDIA_TYPE,
                self.tag(scan),
            )

    def tag(self, scan: StoredScan) -> str:
        """Identifies the content of `volume`."""
        return f"{scan.sha256}-volume"

    def _as_stored(self, scan: StoredScan) -> Download | None:
        size, blocks = self.blobs.stream(scan.sha256)
        first = next(blocks, b"")
        if not is_common_nifti(first):
            return None
        name = f"scan-{scan.id}.nii" + (".gz" if first.startswith(gzip_stream.SIGNATURE) else "")
        return Download(name, VOLUME_MEDIA_TYPE, self.tag(scan), size, chain((first,), blocks))
