"""How an upload becomes a stored scan, and how one goes again."""

import logging
import time
from uuid import uuid4

from imaging.errors import TesseraError
from imaging.formats.sniff import verify
from imaging.scan import Scan
from jobs.job import StoredScan
from service.parts import Parts
from service.upload import Upload

logger = logging.getLogger("tessera.service")


def take_in(parts: Parts, owner: str, upload: Upload) -> tuple[StoredScan, bool]:
    """Proves the file to be a whole scan, stores its bytes, then its row: visible last.

    Gives the scan and whether it is new. Raises UnreadableScan, UnsupportedScan, ScanTooLarge,
    StorageFull or Unavailable; nothing can be seen then, and the collector takes what was stored.
    """
    seen = verify(upload.path, parts.limits)
    sha256 = parts.blobs.put(upload.path, move=True)
    stored, created = parts.repository.add_scan(_scan(seen, sha256, owner, upload))
    if created:
        parts.metrics.uploaded(upload.bytes)
    return stored, created


def discard(parts: Parts, owner: str, scan_id: str) -> None:
    """Deletes a scan with its finished jobs, and every blob that nothing names any more.

    A blob that was stored just now, maybe for somebody else, is left to the sweeper's collector.
    """
    unnamed = parts.repository.delete_scan(owner, scan_id)
    try:
        parts.collector.take(unnamed)
    except TesseraError as error:  # the scan is gone; its files go as soon as they can
        logger.warning("Files of a deleted scan wait for the sweeper: %s", error)


def _scan(seen: Scan, sha256: str, owner: str, upload: Upload) -> StoredScan:
    return StoredScan(
        id=uuid4().hex,
        owner=owner,
        sha256=sha256,
        name=upload.name,
        format=seen.format,
        shape=seen.shape,
        dtype=str(seen.dtype),
        spacing_mm=seen.spacing_mm,
        affine=tuple(tuple(float(n) for n in row) for row in seen.affine),
        bytes=upload.bytes,
        warnings=seen.warnings,
        created_at=time.time(),
    )
