"""The commands of docs/how-to/api.md do what they say."""

import re
import shutil
import subprocess
import threading
from pathlib import Path

import nibabel
import numpy as np
import pytest

from jobs.job import JobState
from jobs.job_filter import JobFilter
from service.http.errors import TABLE, problem_of
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes

WAITING = JobFilter(states=(JobState.QUEUED,))
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "api.md"


def commands(page: str) -> tuple[list[str], list[str]]:
    """The commands of the page, and the headings that they stand under."""
    headings, blocks, heading = [], [], ""
    for title, block in re.findall(
        r"^#+ ([^\n]*)$|^```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    ):
        heading = title or heading
        if block:
            headings.append(heading)
            blocks.append(block)
    return headings, blocks


def _work(gateway: Gateway, stop: threading.Event) -> None:
    """Finishes every job that is asked for."""
    with gateway.repository() as repository:
        while not stop.wait(0.1):
            for job in repository.worklist.page("local", WAITING)[0]:
                run_job(gateway, job.id, np.zeros((5, 6, 7), np.uint8))


def test_commands(start_gateway: Start, tmp_path: Path) -> None:
    """Run in a shell one after another, none fails and each says what was promised."""
    headings, blocks = commands(PAGE.read_text())
    if shutil.which("curl") is None:
        pytest.skip("the commands are curl's, and it is not here")
    gateway, stop = start_gateway(), threading.Event()
    (tmp_path / "t1.nii.gz").write_bytes(nifti_bytes())
    labels = nibabel.Nifti1Image(np.ones((5, 6, 7), np.uint8), np.diag([1.0, 2, 3, 1]))
    nibabel.save(labels, tmp_path / "labels.nii.gz")
    worker = threading.Thread(target=_work, args=(gateway, stop))
    worker.start()
    script = "set -eu\n" + "\necho; echo =====\n".join(blocks)
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{gateway.port}")
    script = script.replace("curl -sS", "curl -fsS")
    try:
        ran = subprocess.run(
            ["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
    finally:
        stop.set()
        worker.join()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = dict(zip(headings, ran.stdout.split("====="), strict=True))  # the last of each heading
    for heading, expected in (
        ("Upload a scan", '"shape":[1,5,6,7]'),
        ("Upload a mask with its scan", '"uploaded":true'),
        ("Upload a large file in parts", '"shape":[1,5,6,7]'),
        ("Request a job", '"name":"study"'),
        ("Follow the job", "event: job"),
        ("List jobs", '"total":3'),
        ("Fetch the results", "volume_ml"),
        ("Review the mask", '"verdict":"rejected"'),
        ("Delete the scan", '"jobs":[{'),
    ):
        assert expected in said[heading], (heading, said[heading])
    assert nibabel.load(tmp_path / "mask.nii.gz").shape == (5, 6, 7)
    assert (tmp_path / "volume.nii.gz").read_bytes() == nifti_bytes()
    left = gateway.client.get("/v1/scans").json()["scans"]
    assert [scan["name"] for scan in left] == ["labels.nii.gz"]


def test_table_of_problems_is_complete() -> None:
    """Every type that can be sent is in the table, beside its status."""
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| ")]
    for kind in TABLE:
        if kind.__module__.startswith(("imaging", "service")) and not kind.__subclasses__():
            problem = problem_of(kind("x"))
            name = f"`{problem.type.removeprefix('urn:tessera:')}`"
            if name != "`job-lost`":  # between workers only
                assert any(name in row and str(problem.status) in row for row in rows), name
