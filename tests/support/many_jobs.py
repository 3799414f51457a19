"""A worklist of thousands of jobs of all kinds, stored without a worker."""

import time
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import update

from imaging.scan_display import ScanDisplay
from jobs.batch import Batch
from jobs.job import Job, JobState
from jobs.repository import Repository
from jobs.repository.schema.job_tables import jobs
from jobs.review import Review
from tests.support.rows import make_job, make_scan

PROJECT = "local"
SCANS = 500
MODELS = ("hippocampus-mri-3d", "nuclei-2d", "spleen-ct-3d")
MODALITIES = ("MR", "CT", None)
READERS = ("Dr. Okafor", "Dr. Weiss")
STATES = (
    *[JobState.SUCCEEDED] * 7,
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.QUEUED,
)
"""The states of ten jobs; every second of the succeeded ones is accepted."""
REPORT = {"warnings": ["The mask touches the edge of the scan."], "notes": "x" * 2000}
AT_ONCE = 5_000


def subject(number: int) -> str | None:
    """The pseudonym of the patient of job `number`: that of a scan with a modality."""
    place = number % SCANS
    return None if MODALITIES[place % len(MODALITIES)] is None else f"PSEUDO{place:04}QWERTY"


def scan_name(number: int) -> str:
    """The file name of the scan of job `number`."""
    return f"subject-{number % SCANS:04}_T1w.nii.gz"


def store_jobs(repository: Repository, number: int) -> list[str]:
    """Stores scans, jobs and some reviews; returns the ids of the jobs, oldest first."""
    now = time.time()
    for n in range(SCANS):
        scan = make_scan(f"scan{n}", PROJECT, sha256=f"{n:064}")
        modality = MODALITIES[n % len(MODALITIES)]
        shown = ScanDisplay(subject=subject(n) or "", study_date="2026-03-02")
        named = replace(scan, name=scan_name(n), modality=modality)
        repository.scans.add(replace(named, display=shown if modality else None))
    stored = [_job(n, now - (number - n) * 60) for n in range(number)]
    for first in range(0, number, AT_ONCE):
        batch = Batch(uuid4().hex, PROJECT, "many", now)
        repository.batches.add(batch, stored[first : first + AT_ONCE])
    for first in range(0, number, AT_ONCE):
        _finish(repository, now, first)
    for n in range(0, number, number // 20):
        if STATES[n % len(STATES)] is JobState.SUCCEEDED:
            _review(repository, stored[n], READERS[n % len(READERS)])
    return [job.id for job in stored]


def _job(number: int, created_at: float) -> Job:
    return make_job(
        uuid4().hex,
        PROJECT,
        scans={"image": f"scan{number % SCANS}"},
        model=MODELS[number % len(MODELS)],
        priority=(5, 5, 9, 0)[number % 4],
        created_at=created_at,
    )


def _finish(repository: Repository, now: float, first: int) -> None:
    """Ends AT_ONCE jobs as workers would: in one statement for each state, since there are so
    many."""
    place = (jobs.c.seq - 1) % len(STATES)
    these = jobs.c.seq.between(first + 1, first + AT_ONCE)
    with repository.database.write() as connection:
        for state in set(STATES) - {JobState.QUEUED}:
            places = [n for n, one in enumerate(STATES) if one is state]
            values = {"state": state, "finished_at": now, "attempt": 1}
            if state is JobState.SUCCEEDED:
                values |= {"report": REPORT, "mask_sha256": "0" * 64, "mask_format": "nifti"}
            if state is JobState.FAILED:
                values |= {"error": {"title": "Bad", "detail": "It broke."}}
            connection.execute(update(jobs).where(these, place.in_(places)).values(**values))
        connection.execute(update(jobs).where(these).values(sent_at=now))  # no message is missed
        done = update(jobs).where(these, jobs.c.state == JobState.SUCCEEDED)
        connection.execute(done.where(jobs.c.seq % 2 == 1).values(verdict="accepted"))


def _review(repository: Repository, job: Job, reader: str) -> None:
    repository.reviews.add(
        PROJECT, Review(uuid4().hex, job.id, "accepted", "", reader, time.time())
    )
