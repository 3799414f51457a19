"""Connections are cut, reset, delayed and refused: the results are the same, nothing doubles."""

import asyncio
import gzip
import hashlib
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tessera_client import (
    AsyncClient,
    Client,
    JobOptions,
    JobRequest,
    NotFound,
    Retries,
    Segmentation,
)
from tests.support.fault_proxy import fault_proxy
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

MODEL = "small"
EAGER = Retries(total_s=300, first_pause_s=0.01, longest_pause_s=0.1)
OPTIONS = JobOptions(tile=(24,))


def scan_file(folder: Path, seed: int, size: int = 24) -> Path:
    path = folder / f"scan-{seed}.nii"
    path.write_bytes(nifti_bytes((size, size, size), seed, affine=np.eye(4)))
    return path


def mask_of(file: Path) -> np.ndarray:
    return np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(file.read_bytes())).dataobj)


def jobs_of(served: Gateway, scan: str) -> int:
    with Client(f"http://127.0.0.1:{served.port}") as client:
        return sum(scan in job.scans.values() for job in client.jobs())


@pytest.mark.parametrize("seed", [1, 2])
def test_a_correction(served: Gateway, tmp_path: Path, seed: int) -> None:
    """Each set of changes is stored once, the draft is saved once, and another one is given up."""
    with Client(f"http://127.0.0.1:{served.port}") as calm:
        made = calm.segment(scan_file(tmp_path, 50 + seed), MODEL, tmp_path, options=OPTIONS)
        before = mask_of(made.mask)
        label = made.report["measurements"]["labels"][0]["value"]
        runs = [(start, 3, label if start % 2 else 0) for start in range(seed, 900, 90)]
        with (
            fault_proxy(served.port, seed, calm=0.2) as proxy,
            Client(proxy.url, retries=EAGER) as client,
        ):
            begun = client.begin_draft(made.job.id, reader=f"Ann {seed}")
            draft = begun
            for run in runs:
                draft = client.append_changes(draft, [run], seconds=1.25)
            assert client.draft_changes(draft) == tuple(runs)
            review = client.save_draft(draft, comment="The edge.")
            other = client.begin_draft(made.job.id, reader=f"Ann {seed}", base=review.id)
            client.give_up_draft(other)
        assert (review.id, review.seconds) == (begun.id, 1.25 * len(runs))
        listed = calm.reviews(made.job.id)
        assert [one for one in listed if one.comment == "The edge."] == [review]
        with pytest.raises(NotFound):
            calm.draft(made.job.id, reader=f"Ann {seed}")
        calm.download_corrected_mask(made.job.id, review.id, tmp_path / "corrected.nii.gz")
    flat = before.flatten(order="F")
    for start, length, value in runs:
        flat[start : start + length] = value
    found = mask_of(tmp_path / "corrected.nii.gz")
    np.testing.assert_array_equal(found, flat.reshape(before.shape, order="F"))
    added = {one.label: one.added for one in review.changes}
    assert added[label] == np.count_nonzero((found == label) & (before != label))


@pytest.mark.parametrize("seed", range(4))
def test_a_segmentation(served: Gateway, tmp_path: Path, seed: int) -> None:
    """Half of the seeds with the blocking client, half with the other; beside a calm connection."""
    path = scan_file(tmp_path, seed)

    async def through(url: str) -> Segmentation:
        async with AsyncClient(url, retries=EAGER) as client:
            return await client.segment(path, MODEL, tmp_path / "faults", options=OPTIONS)

    with fault_proxy(served.port, seed, calm=0.2) as proxy:
        if seed % 2:
            result = asyncio.run(through(proxy.url))
        else:
            with Client(proxy.url, retries=EAGER) as client:
                result = client.segment(path, MODEL, tmp_path / "faults", options=OPTIONS)
    assert jobs_of(served, next(iter(result.job.scans.values()))) == 1
    with Client(f"http://127.0.0.1:{served.port}") as client:
        calm = client.segment(path, MODEL, tmp_path / "calm", options=OPTIONS)
    assert calm.job.scans == result.job.scans
    np.testing.assert_array_equal(mask_of(result.mask), mask_of(calm.mask))
    assert len(np.unique(mask_of(calm.mask))) > 1
    assert result.preview.read_bytes() == calm.preview.read_bytes()
    assert result.report["measurements"] == calm.report["measurements"]
    assert sorted(path.name for path in (tmp_path / "faults").iterdir()) == sorted(
        f"scan-{seed}-{name}" for name in ("mask.nii.gz", "preview.png", "report.json")
    )


@pytest.mark.parametrize("seed", range(2))
def test_a_large_upload(served: Gateway, tmp_path: Path, seed: int) -> None:
    """It continues where it was cut; the stored file is the file."""
    path = scan_file(tmp_path, 100 + seed, 150)
    content = path.read_bytes()
    sent: list[int] = []

    def report(done: int, total: int) -> None:
        assert total == len(content)
        sent.append(done)

    with fault_proxy(served.port, seed, calm=0.1) as proxy:
        with Client(proxy.url, retries=EAGER) as client:
            scan = client.upload(path, progress=report)
        assert proxy.fates["pass"] < proxy.fates.total()
    assert (scan.sha256, scan.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert sent[-1] == len(content)
    with Client(f"http://127.0.0.1:{served.port}") as client:
        assert [one.sha256 for one in client.scans()].count(scan.sha256) == 1


@pytest.mark.parametrize("seed", range(1))
def test_jobs_and_batches_are_created_once(served: Gateway, tmp_path: Path, seed: int) -> None:
    scan = served.scan(nifti_bytes((9, 9, 9), 500 + seed))
    with fault_proxy(served.port, seed, calm=0.2) as proxy:
        created = set()
        for _ in range(6):
            with Client(proxy.url, retries=EAGER) as client:
                created.add(client.submit(scan, MODEL, priority=1).id)
        with Client(proxy.url, retries=EAGER) as client:
            batch = client.submit_batch([JobRequest(MODEL, scan)] * 3, name="b")
            listed = {job.id for job in client.jobs(model=MODEL) if scan in job.scans.values()}
    assert len(created) == 6
    assert listed == created | set(batch.jobs)
    assert jobs_of(served, scan) == 9
