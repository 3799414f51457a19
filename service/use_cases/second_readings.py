"""Second readings: compared when all readings were given, and sent when they have a verdict."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from imaging.errors import TesseraError, Unavailable
from imaging.formats.mask_file import read
from imaging.metrics.label_dice import LabelDice, label_dice
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import FINAL, ComparedReadings, Jobs, Readings, Reviews, Scans
from jobs.review import Review, Role
from jobs.second_reading import (
    Agreement,
    PairOverlap,
    ReadingOptions,
    ReadingState,
    SecondReading,
)
from service.resources.scratch import Scratch
from service.use_cases.deliveries import Deliveries

logger = logging.getLogger("tessera.service")


@dataclass(frozen=True, slots=True)
class SecondReadings:
    """Compares the readings of jobs."""

    jobs: Jobs
    scans: Scans
    reviews: Reviews
    readings: Readings
    deliveries: Deliveries
    blobs: Blobs
    scratch: Scratch

    def get(self, project: str, job_id: str) -> SecondReading:
        """The second reading of the project's job, compared if that is due; raises NotFound.

        A gateway that stops between the last reading and its comparison leaves it for the next
        request.
        """
        self.conclude(project, job_id)
        return self.readings.get(project, job_id)

    def follow(self, project: str, added: Review) -> None:
        """Does what follows from a review that was added to the second reading of a job."""
        job_id = str(added.job)
        if added.role is Role.ADJUDICATION:
            self.send(project, self.readings.get(project, job_id))
            return
        try:
            self.conclude(project, job_id)
        except Unavailable as error:  # the review is stored; `get` compares it later
            logger.warning("The readings of job %s are not compared yet: %s", job_id, error.detail)

    def conclude(self, project: str, job_id: str) -> None:
        """Compares the readings of a job if all were given, which ends the blinding.

        Does nothing otherwise. Raises NotFound, or Unavailable where the masks cannot be read now.
        """
        while (full := self.readings.to_compare(project, job_id)) is not None:
            agreement = self._compare(self.jobs.get(project, job_id), full)
            concluded = self.readings.conclude(project, job_id, agreement)
            if concluded is not None:
                self.send(project, concluded)

    def cancel(self, project: str, job_id: str, *, may_unblind: bool) -> None:
        """Cancels a second reading, and sends the corrected mask that becomes the job's verdict.

        Raises what `Readings.cancel` raises.
        """
        review = self.readings.cancel(project, job_id, may_unblind=may_unblind)
        if review is not None:
            self._send_mask(project, review)

    def send(self, project: str, reading: SecondReading) -> None:
        """Requests the deliveries of the corrected mask that has become the job's verdict."""
        if reading.state is not ReadingState.COMPLETE:
            return
        for review in self.reviews.of_job(project, reading.job, None):
            if review.id == reading.review:
                self._send_mask(project, review)

    def _send_mask(self, project: str, review: Review) -> None:
        if review.mask_sha256 and review.tag == FINAL:
            self.deliveries.send_corrected(project, str(review.job), review.id)

    def _compare(self, job: Job, full: ComparedReadings) -> Agreement:
        reviews = full.reviews
        objects = self.jobs.report(job.project, job.id).get("measurements", {}).get("instances")
        overlaps = tuple(
            self._overlap(job, reviews, pair, objects=objects is not None)
            for pair in combinations(range(len(reviews)), 2)
        )
        common = set(reviews[0].reasons).intersection(*(one.reasons for one in reviews))
        return Agreement(
            reviews=tuple(one.id for one in reviews),
            readers=tuple(one.reviewer for one in reviews),
            verdicts=tuple(one.verdict for one in reviews),
            common_reasons=tuple(one.value for one in reviews[0].reasons if one in common),
            overlaps=overlaps,
            agree=_agree(reviews, overlaps, full.options),
        )

    def _overlap(
        self, job: Job, reviews: Sequence[Review], pair: tuple[int, int], *, objects: bool
    ) -> PairOverlap:
        first, second = (reviews[place] for place in pair)
        if "rejected" in (first.verdict, second.verdict):
            return PairOverlap(*pair, None, {})
        blobs = [one.mask_sha256 or str(job.mask_sha256) for one in (first, second)]
        if blobs[0] == blobs[1]:
            return PairOverlap(*pair, 1.0, {})
        try:
            dice = self._dice(job, blobs, objects=objects)
        except Unavailable:  # it does not say that the readers disagree
            raise
        except TesseraError as error:
            logger.warning("The readings of job %s cannot be compared: %s", job.id, error.detail)
            return PairOverlap(*pair, None, {})
        labels = {str(label): value for label, value in dice.labels.items()}
        return PairOverlap(*pair, dice.overall, labels)

    def _dice(self, job: Job, blobs: Sequence[str], *, objects: bool) -> LabelDice:
        dimension = len(self.scans.get(job.project, job.grid_scan).shape) - 1
        with self.blobs.local(blobs[0]) as one, self.blobs.local(blobs[1]) as other:
            masks = [read(path, dimension, self.scratch.folder) for path in (one, other)]
            return label_dice(*masks, objects=objects)


def _agree(
    reviews: Sequence[Review], overlaps: Sequence[PairOverlap], options: ReadingOptions
) -> bool:
    """Whether all verdicts are equal, and corrected masks overlap enough."""
    verdicts = {one.verdict for one in reviews}
    if len(verdicts) > 1:
        return False
    if verdicts != {"corrected"} or options.min_dice == 0:
        return True
    return all(one.dice is not None and one.dice >= options.min_dice for one in overlaps)
