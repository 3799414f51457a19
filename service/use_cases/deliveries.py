"""Deliveries: a job's results are sent to DICOM peers as soon as it has succeeded."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from imaging.errors import BadRequest, Conflict, NotFound
from imaging.formats import registry
from jobs import repository
from jobs.delivery import Delivery
from jobs.repository import Jobs, Readings, Reviews, Scans
from jobs.second_reading import ReadingState
from service.resources.routing_table import RoutingTable
from service.use_cases.result_formats import check_deliverable


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Requests deliveries; the DICOM connector's delivery senders make them."""

    jobs: Jobs
    scans: Scans
    reviews: Reviews
    rows: repository.Deliveries
    readings: Readings
    routing: RoutingTable

    def request(
        self,
        project: str,
        job_id: str,
        peers: Sequence[str],
        formats: Sequence[str],
        review: str | None = None,
        reader: str = "",
    ) -> list[Delivery]:
        """Requests each format for each peer, again if it was sent before; all of the job's.

        `review`: the review whose corrected mask or measurements are sent; None: the job's own
        mask. `reader`: the name of who asks, empty if it is not known. Raises NotFound for an
        unknown job, review or peer, BadRequest if the job's scan is not DICOM or a format is not
        possible for it, Conflict for a review while the job's second reading has no verdict.
        """
        job = self.jobs.get(project, job_id)
        scan = self.scans.get(project, job.grid_scan)
        if scan.format != "dicom":
            raise BadRequest(
                "The job's scan is not DICOM, and a DICOM result must refer to a DICOM scan.",
                expected="A job of a DICOM scan.",
                hint="Download the mask and send it yourself.",
            )
        check_deliverable(scan, formats)
        if review is not None:
            self._check_review(project, job_id, review, formats, reader)
            self._check_complete(project, job_id)
        known = self.routing.of(project)
        names = [known.peer_named(name).name for name in dict.fromkeys(peers)]
        wanted = [
            Delivery(uuid4().hex, job_id, name, form, time.time(), review=review or "")
            for name in names
            for form in dict.fromkeys(formats)
        ]
        rows = self.rows.request(project, job_id, wanted)
        return self._shown(project, job_id, rows, reader)

    def _check_review(
        self, project: str, job_id: str, review_id: str, formats: Sequence[str], reader: str
    ) -> None:
        review = self.reviews.with_results(project, job_id, review_id, reader)
        masks = [name for name in formats if name in registry.names(registry.MASK_FORMATS)]
        if masks and review.mask_sha256 is None:
            raise BadRequest(
                f"The review has no corrected mask to send as {', '.join(masks)}.",
                expected="A report format, such as dicom-sr, for a review with measurements.",
                hint="Send the mask of the job itself: leave out `review`.",
            )

    def send_corrected(self, project: str, job_id: str, review: str) -> None:
        """Requests the corrected mask of a review for each peer that wants corrected masks.

        It is sent in the formats in which the job's own results are sent to the peer.
        """
        peers = {peer.name for peer in self.routing.of(project).peer if peer.corrected_masks}
        wanted = [
            Delivery(uuid4().hex, job_id, one.destination, one.format, time.time(), review=review)
            for one in self.rows.of_job(project, job_id)
            if one.destination in peers and not one.review
        ]
        self.rows.request(project, job_id, wanted)

    def _check_complete(self, project: str, job_id: str) -> None:
        """Raises Conflict if the job has a second reading without a verdict."""
        try:
            reading = self.readings.get(project, job_id)
        except NotFound:
            return
        if reading.state is not ReadingState.COMPLETE:
            raise Conflict(
                "The second reading of the job is not complete.",
                expected="A job whose readers agree, or of which another reader has decided.",
                hint="Send the mask when the job has its verdict.",
            )

    def of_job(self, project: str, job_id: str, reader: str) -> list[Delivery]:
        """The deliveries of the project's job, without those of corrected masks that the reader may
        not see; raises NotFound."""
        return self._shown(project, job_id, self.rows.of_job(project, job_id), reader)

    def _shown(
        self, project: str, job_id: str, rows: Sequence[Delivery], reader: str
    ) -> list[Delivery]:
        reviews = {one.id for one in self.reviews.of_job(project, job_id, reader)}
        return [one for one in rows if not one.review or one.review in reviews]
