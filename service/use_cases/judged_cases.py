"""Judged jobs of the database as cases of data sets."""

from imaging.given_mask import GIVEN_MASK
from jobs.repository import JudgedJob
from jobs.stored_scan import StoredScan
from models.data_set.judged_case import JudgedCase, JudgedScan


def judged_case_of(judged: JudgedJob) -> JudgedCase:
    """A judged job as a case of a data set, before it is written."""
    job, review = judged.job, judged.review
    corrected = review.verdict == "corrected"
    return JudgedCase(
        job=job.id,
        review=review.id,
        verdict="corrected" if corrected else "accepted",
        judged_at=review.created_at,
        model=job.model,
        model_version=job.model_version,
        model_sha256=job.model_sha256,
        scans={
            channel: _scan(scan)
            for channel, scan in zip(job.scans, judged.scans, strict=True)
            if job.options.mask is None or channel != GIVEN_MASK
        },
        cropped=job.options.mask == "crop",
        has_mask=(review.mask_sha256 if corrected else job.mask_sha256) is not None,
    )


def _scan(scan: StoredScan) -> JudgedScan:
    subject = "" if scan.display is None else scan.display.subject
    return JudgedScan(scan.id, scan.name, scan.sha256, scan.series, subject)
