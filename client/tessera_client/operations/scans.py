"""Stored scans."""

from pathlib import Path

from tessera_client.operations.downloads import download
from tessera_client.operations.exchange import deletion, exchange
from tessera_client.operations.listing import listed
from tessera_client.retries import Retries
from tessera_client.steps import BytesSent, Request, Steps, decoded
from tessera_client.types import Job, Scan


def get(retries: Retries, scan: str) -> Steps[Scan]:
    """A scan."""
    return decoded(Scan, (yield from exchange(retries, Request("GET", f"/v1/scans/{scan}"))))


def every(retries: Retries) -> Steps[None]:
    """Emits all scans, newest first."""
    return listed(retries, "/v1/scans", "scans", Scan, {"limit": "200"})


def delete(retries: Retries, scan: str) -> Steps[None]:
    """Deletes a scan with its jobs; raises NotFound, unless an earlier try may have deleted it."""
    return deletion(retries, Request("DELETE", f"/v1/scans/{scan}"))


def add_mask(retries: Retries, scan: str, mask: str) -> Steps[Job]:
    """Makes a label map a mask of a scan; the same mask again is the same job."""
    request = Request("POST", f"/v1/scans/{scan}/masks", json={"mask": mask})
    return decoded(Job, (yield from exchange(retries, request)))


def volume(retries: Retries, scan: str, to: Path, on_received: BytesSent | None) -> Steps[Path]:
    """Downloads a scan as NIfTI."""
    return download(retries, Request("GET", f"/v1/scans/{scan}/volume"), to, on_received)
