"""What readers measure: verified when a review is added, and read from the scan for reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.reader_measurements.grid import MeasuredGrid
from imaging.reader_measurements.measurement import ReaderMeasurement
from imaging.reader_measurements.review_measurements import ReviewMeasurements, read
from imaging.reader_measurements.size import measured
from imaging.scan import Scan
from jobs.blobs import Blobs
from jobs.repository import Jobs, Reviews, Scans
from jobs.review import Review
from service.resources.scratch import Scratch


@dataclass(frozen=True, slots=True)
class ReaderMeasurements:
    """The measurements of reviews."""

    jobs: Jobs
    scans: Scans
    reviews: Reviews
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def checked(
        self, project: str, job_id: str, measurements: Sequence[ReaderMeasurement]
    ) -> tuple[ReaderMeasurement, ...]:
        """The measurements in the job's first scan, with sizes; raises NotFound, BadRequest."""
        if not measurements:
            return ()
        scan = self.scans.get(project, self.jobs.get(project, job_id).grid_scan)
        return measured(measurements, MeasuredGrid.of(scan))

    def of_review(
        self, project: str, job_id: str, review_id: str, reader: str
    ) -> ReviewMeasurements:
        """The measurements of a review with the values of the scan; raises NotFound.

        `reader`: the name of who asks, empty if it is not known.
        """
        stored = self.scans.get(project, self.jobs.get(project, job_id).grid_scan)
        review = self.reviews.with_results(project, job_id, review_id, reader)
        with self.blobs.local(stored.sha256) as path:
            scan = open_scan(path, self.limits, self.scratch.folder)
            return _read(review, scan)


def measurements_of(review: Review | None, scan: Scan) -> ReviewMeasurements | None:
    """The measurements of a review in the opened scan; None if there are none."""
    return _read(review, scan) if review is not None and review.measurements else None


def _read(review: Review, scan: Scan) -> ReviewMeasurements:
    return read(scan, review.id, review.reviewer, review.measurements)
