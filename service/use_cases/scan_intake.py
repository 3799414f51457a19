"""How an upload becomes a stored scan, and how one goes again."""

import logging
import time
from collections.abc import Sequence
from uuid import uuid4

from imaging.errors import TesseraError
from imaging.formats.dicom.series import Series
from imaging.formats.received import Asked, Received, Refused, received
from imaging.formats.sniff import verify
from jobs.job import StoredScan
from service.http.uploads import Upload
from service.parts import Parts
from service.resources.pseudonyms import secret_of

__all__ = ["Asked", "discard", "take_all", "take_in"]

logger = logging.getLogger("tessera.service")


def take_in(
    parts: Parts, project: str, uploads: Sequence[Upload], asked: Asked | None = None
) -> list[tuple[StoredScan, bool]]:
    """As `take_all`, the scans alone."""
    return take_all(parts, project, uploads, asked)[0]


def take_all(
    parts: Parts, project: str, uploads: Sequence[Upload], asked: Asked | None = None
) -> tuple[list[tuple[StoredScan, bool]], list[Refused]]:
    """Proves that what came together is one or several whole scans, stores bytes, then rows.

    Gives each scan and whether it is new, and, with `asked.each`, what made none. Raises
    SeveralScans, BrokenGeometry, UnreadableScan, UnsupportedScan, ScanTooLarge, StorageFull or
    Unavailable; nothing can be seen then, and the collector takes what was stored.
    """
    asked = asked or Asked()
    with parts.scratch.subfolder() as folder:
        paths = [upload.path for upload in uploads]
        secret = secret_of(parts.settings) if asked.deidentify else b""
        found, refused = received(paths, folder, parts.limits, asked, secret)
        return [_stored(parts, project, one, uploads, asked) for one in found], refused


def _stored(
    parts: Parts, project: str, one: Received, uploads: Sequence[Upload], asked: Asked
) -> tuple[StoredScan, bool]:
    seen, size = verify(one.path, parts.limits), one.path.stat().st_size
    sha256 = parts.blobs.put(one.path, move=True)
    stored, created = parts.repository.scans.add(
        StoredScan(
            id=uuid4().hex,
            project=project,
            sha256=sha256,
            name=_name(one, uploads, asked),
            format=seen.format,
            shape=seen.shape,
            dtype=str(seen.dtype),
            spacing_mm=seen.spacing_mm,
            affine=tuple(tuple(float(n) for n in row) for row in seen.affine),
            bytes=size,
            warnings=seen.warnings,
            created_at=time.time(),
            series=seen.source.uid if isinstance(seen.source, Series) else None,
        )
    )
    if created:
        parts.metrics.uploaded(size)
    return stored, created


def _name(one: Received, uploads: Sequence[Upload], asked: Asked) -> str:
    """A file's own name; a series' among many files, or both where it came in an archive.

    What was de-identified must not be called after a file, which may bear a patient's name.
    """
    own = next((upload.name for upload in uploads if upload.path == one.path), None)
    if own is not None or asked.deidentify:
        return own or one.name
    return f"{uploads[0].name}: {one.name}" if len(uploads) == 1 else one.name


def discard(parts: Parts, project: str, scan_id: str) -> None:
    """Deletes a scan with its finished jobs, and every blob that nothing names any more.

    A blob that was stored just now, maybe for somebody else, is left to the sweeper's collector.
    """
    unnamed = parts.repository.scans.delete(project, scan_id)
    try:
        parts.collector.take(unnamed)
    except TesseraError as error:  # the scan is gone; its files go as soon as they can
        logger.warning("Files of a deleted scan wait for the sweeper: %s", error)
