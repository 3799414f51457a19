"""Scan intake: received files are checked, stored as blobs and recorded as scans."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from imaging.errors import BadInput
from imaging.formats import registry
from imaging.formats.incoming import IncomingScan, RefusedScan, ScanSelection, incoming_files
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.printable import printable
from imaging.scan import Scan
from imaging.scan_display import ScanDisplay
from jobs import tracing
from jobs.blobs import Blobs
from jobs.repository import Scans, SeriesChanged
from jobs.stored_scan import StoredScan
from service.resources.metrics import Metrics
from service.resources.scratch import Scratch
from service.use_cases.received_file import UNNAMED, ReceivedFile
from service.use_cases.same_scans import SameScans
from service.use_cases.uploaded_masks import MaskSource, StoredMask, UploadedMasks

logger = logging.getLogger("tessera.service")

_OTHER_CONTENT = (
    "Another scan of this project has the same SOP Instance UIDs. Its pixels, patient or study are "
    "different, or could not be compared. Check which scan is right before you use a result."
)

__all__ = ["IntakeResult", "ScanIntake", "ScanSelection", "TakenMask", "TakenScan"]


@dataclass(frozen=True, slots=True)
class TakenScan:
    """A scan that is stored now."""

    scan: StoredScan
    created: bool
    """False if the project already had this scan."""


@dataclass(frozen=True, slots=True)
class TakenMask:
    """What became of a DICOM Segmentation: a mask that is stored, or an error."""

    mask: StoredMask | None
    error: BadInput | None = None


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of received files."""

    taken: Sequence[TakenScan]
    refused: Sequence[RefusedScan] = ()
    """With `ScanSelection.each`, the series that cannot become a scan."""
    masks: Sequence[TakenMask] = ()
    """DICOM Segmentations among the files."""


@dataclass(frozen=True, slots=True)
class ScanIntake:
    """Takes scans in."""

    scans: Scans
    blobs: Blobs
    scratch: Scratch
    limits: Limits
    metrics: Metrics
    same: SameScans
    masks: UploadedMasks
    secret: Callable[[str], bytes]
    """Returns the secret for the pseudonyms of a project; called only for DICOM."""

    def take_in(
        self,
        project: str,
        files: Sequence[ReceivedFile],
        wanted: ScanSelection | None = None,
        *,
        temporary: bool = False,
        by: str = "",
    ) -> IntakeResult:
        """Checks that the files are one or several complete scans, stores blobs, then rows.

        `temporary`: a session needs the scans for a while only. Else a scan of a session stays.
        `by`: who sent them, by the name in reviews; empty without accounts, or for a program.
        Raises SeveralScans, BrokenGeometry, UnreadableScan, UnsupportedScan, ScanTooLarge,
        StorageFull or Unavailable. Without any scan, Segmentations are masks of earlier scans, and
        the result has those scans. No scan is visible then, and the collector deletes the blobs.
        """
        wanted = wanted or ScanSelection()
        with tracing.step("take in scans"), self.scratch.subfolder() as folder:
            paths = [file.path for file in files]
            secret = self.secret(project) if wanted.deidentify else b""
            found = incoming_files(paths, folder, self.limits, wanted, secret)
            taken = [self._store(project, one, _name(one, files, wanted)) for one in found.scans]
            names = {} if wanted.deidentify else {file.path: file.name for file in files}
            names = {path: name for path, name in names.items() if name != UNNAMED}
            sources = [(path, MaskSource(names.get(path), by)) for path in found.masks]
            masks = self._masks(project, sources, taken)
            taken = taken or self._of_masks(project, masks)
            earlier = [one.scan.id for one in taken if not one.created]
            if earlier and not temporary:
                self.scans.keep(project, earlier)
            return IntakeResult(taken, found.refused, masks)

    def _masks(
        self, project: str, given: Sequence[tuple[Path, MaskSource]], taken: Sequence[TakenScan]
    ) -> list[TakenMask]:
        """Stores masks; where nothing else was sent, the error of the only one is raised."""
        scans = [one.scan for one in taken]
        masks: list[TakenMask] = []
        for path, source in given:
            try:
                masks.append(TakenMask(self.masks.add_seg(project, path, scans, source)))
            except BadInput as error:
                if not taken and len(given) == 1:
                    raise
                masks.append(TakenMask(None, error))
        return masks

    def _of_masks(self, project: str, masks: Sequence[TakenMask]) -> list[TakenScan]:
        """The scans of masks that were sent without them; raises the first error if all failed."""
        stored = [one.mask.job.grid_scan for one in masks if one.mask is not None]
        errors = [one.error for one in masks if one.error is not None]
        if not stored and errors:
            raise errors[0]
        return [TakenScan(self.scans.get(project, n), created=False) for n in dict.fromkeys(stored)]

    def take_one(
        self, project: str, files: Sequence[ReceivedFile], *, temporary: bool = False
    ) -> TakenScan:
        """As `take_in`, for files that hold a single scan; raises SeveralScans for more."""
        (taken,) = self.take_in(project, files, temporary=temporary).taken
        return taken

    def _store(self, project: str, scan: IncomingScan, name: str) -> TakenScan:
        header = scan.scan or verify(scan.path, self.limits)
        others = self.same.of_images(project, header)
        earlier = self.same.find(header, scan.sha256, others)
        if earlier is not None:
            if earlier.sha256 == scan.sha256:  # replaces the stored file if that is damaged
                self.blobs.put(scan.path, move=True, sha256=scan.sha256)
            return TakenScan(earlier, created=False)
        size = scan.path.stat().st_size
        sha256 = self.blobs.put(scan.path, move=True, sha256=scan.sha256)
        row = replace(
            _row(project, name, header, sha256, size), display=self._display(project, header)
        )
        stored, created = self._add(row, None if header.source is None else others)
        if created:
            self.metrics.uploaded(size)
        return TakenScan(stored, created)

    def _display(self, project: str, header: Scan) -> ScanDisplay | None:
        return None if header.source is None else header.source.display(self.secret(project))

    def _add(
        self, row: StoredScan, compared: Sequence[StoredScan] | None
    ) -> tuple[StoredScan, bool]:
        """Stores the row; compares again where the same series came in another way meanwhile."""
        while True:
            try:
                known = None if compared is None else [n.id for n in compared]
                return self.scans.add(_flagged(row, compared or ()), known)
            except SeriesChanged:
                with self.blobs.local(row.sha256) as path:
                    scan = open_scan(path, self.limits, self.scratch.folder)
                    compared = self.same.of_images(row.project, scan)
                    earlier = self.same.find(scan, row.sha256, compared)
                if earlier is not None:
                    return earlier, False


def _flagged(row: StoredScan, others: Sequence[StoredScan]) -> StoredScan:
    """The row, with a warning if other scans of the same images are on the same grid.

    On another grid, the same files were resampled.
    """
    if not any((n.shape, n.affine) == (row.shape, row.affine) for n in others):
        return row
    logger.warning("A scan has the SOP Instance UIDs of another scan, and other content.")
    return replace(row, warnings=(*row.warnings, _OTHER_CONTENT))


def _row(project: str, name: str, header: Scan, sha256: str, size: int) -> StoredScan:
    return StoredScan(
        id=uuid4().hex,
        project=project,
        sha256=sha256,
        name=name,
        format=header.format,
        shape=header.shape,
        dtype=str(header.dtype),
        spacing_mm=header.spacing_mm,
        affine=tuple(tuple(float(n) for n in row) for row in header.affine),
        bytes=size,
        warnings=header.warnings,
        created_at=time.time(),
        series=None if header.source is None else header.source.uid,
        images=None if header.source is None else header.source.images,
        impossible_formats=tuple(registry.names(registry.impossible(header))),
        traceparent=tracing.traceparent(),
        modality=_modality(header),
    )


def _modality(header: Scan) -> str | None:
    """Of a DICOM scan; a value that the standard does not allow is cut (VR CS: 16 characters)."""
    return None if header.source is None else header.source.modality[:16] or None


def _name(scan: IncomingScan, files: Sequence[ReceivedFile], wanted: ScanSelection) -> str:
    """The name of a scan: its file's, its series', or both if the series came in an archive.

    A de-identified scan is never named for a file, which may be named for the patient.
    """
    return printable(_whole_name(scan, files, wanted))


def _whole_name(scan: IncomingScan, files: Sequence[ReceivedFile], wanted: ScanSelection) -> str:
    path = scan.named_after or scan.path
    own = next((file.name for file in files if file.path == path), None)
    if wanted.deidentify:
        return scan.name
    if own is not None:
        return f"{own}: {scan.name}" if scan.named_after and scan.name else own
    archive = files[0].name if len(files) == 1 else ""
    if archive == UNNAMED and scan.name:
        return scan.name
    return ": ".join(filter(None, (archive, scan.name)))
