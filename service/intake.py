"""How an upload becomes a stored scan, and how one goes again."""

import time
from contextlib import ExitStack, suppress
from uuid import uuid4

from imaging.errors import TesseraError
from imaging.formats.sniff import verify
from imaging.scan import Scan
from jobs.job import StoredScan
from service.parts import Parts
from service.upload import Upload


def take_in(parts: Parts, owner: str, upload: Upload) -> tuple[StoredScan, bool]:
    """Proves the file to be a whole scan, stores its bytes, then its row: visible last.

    Gives the scan and whether it is new. Raises UnreadableScan, UnsupportedScan, ScanTooLarge,
    StorageFull or Unavailable; nothing can be seen then.
    """
    seen = verify(upload.path, parts.limits)
    with ExitStack() as on_failure:
        with parts.gate.shared():
            sha256 = parts.blobs.put(upload.path, move=True)
            on_failure.callback(_withdraw, parts, sha256)
            scan = _scan(seen, sha256, owner, upload)
            stored, created = parts.repository.add_scan(scan)
        on_failure.pop_all()
    if created:
        parts.metrics.uploaded(upload.bytes)
    return stored, created


def discard(parts: Parts, owner: str, scan_id: str) -> None:
    """Deletes a scan with its finished jobs, and every blob that nothing names any more."""
    with parts.gate.alone():
        for sha256 in parts.repository.delete_scan(owner, scan_id):
            parts.blobs.delete(sha256)


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


def _withdraw(parts: Parts, sha256: str) -> None:
    """Takes a blob back that no row came to name; where that cannot be told now, it stays."""
    with suppress(TesseraError), parts.gate.alone():
        if parts.repository.unused(sha256):
            parts.blobs.delete(sha256)
