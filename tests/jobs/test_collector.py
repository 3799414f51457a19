"""Blobs that nothing names go once they are old enough; those that something names never do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.job import Job
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from tests.support.migrated import migrated


class Store:
    """A repository on SQLite, a folder of blobs, and a collector with a grace of a minute."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data=folder, blob_grace_s=60)
        self.folder = folder
        self.repository = migrated(settings.database)
        self.blobs = open_blobs(settings)
        self.collector = BlobCollector(self.repository.references, self.blobs, settings)

    def put(self, content: str, *, old: bool = True) -> str:
        path = self.folder / "file"
        path.write_text(content)
        name = self.blobs.put(path)
        if old:
            os.utime(self.folder / "blobs" / name[:2] / name, (1, 1))
        return name

    def stored(self) -> set[str]:
        return {path.name for path in (self.folder / "blobs").rglob("*") if path.is_file()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_what_a_row_names_stays(
    store: Store, scan_of: Callable[..., StoredScan], job_of: Callable[..., Job]
) -> None:
    scan, mask, preview = (store.put(word) for word in ("scan", "mask", "preview"))
    store.repository.scans.add(scan_of(sha256=scan))
    store.repository.jobs.add(job_of())
    store.repository.leases.claim("job", "w", 60)
    store.repository.leases.finish(
        "job", 1, mask_sha256=mask, mask_format="png", preview_sha256=preview, report={}
    )
    late = store.put("a mask that came too late")
    young = store.put("a scan that is about to be named", old=False)
    assert sum(store.collector.collect()) == 1
    assert store.stored() == {scan, mask, preview, young}
    assert late not in store.stored()

    unnamed = store.repository.scans.delete("ada", "scan")
    assert store.collector.delete_unused(unnamed) == 3
    assert store.stored() == {young}


def test_what_is_put_again_after_its_deletion_stays(
    store: Store, scan_of: Callable[..., StoredScan]
) -> None:
    """Given an old scan: one deletes it while another gateway, between put and row, has it."""
    name = store.put("scan")
    store.repository.scans.add(scan_of(sha256=name))
    unnamed = store.repository.scans.delete("ada", "scan")
    assert store.put("scan", old=False) == name
    assert store.collector.delete_unused(unnamed) == 0
    assert sum(store.collector.collect()) == 0
    store.repository.scans.add(scan_of("again", sha256=name))
    assert store.stored() == {name}


def test_many(store: Store, scan_of: Callable[..., StoredScan]) -> None:
    """More than go into one question to the database."""
    names = [f"{n:064x}" for n in range(1200)]
    named = store.put("scan")
    store.repository.scans.add(scan_of(sha256=named))
    assert store.collector.delete_unused([*names, named]) == 0
    assert store.stored() == {named}
