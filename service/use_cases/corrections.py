"""Corrections: a finished draft becomes a review with a corrected mask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from imaging.editable_mask import EditableMask, MaskDifference, difference
from imaging.errors import BadRequest, NotFound
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from imaging.voxel_runs import read_runs
from jobs.blobs import Blobs
from jobs.draft import Draft, DraftState, check_changes
from jobs.repository import FINAL, Drafts, Jobs, Reviews, Scans
from jobs.review import Review
from jobs.second_reading import reader_key
from service.resources.scratch import Scratch
from service.use_cases.corrected_masks import CorrectedMasks


@dataclass(frozen=True, slots=True)
class Corrections:
    """Applies the changes of drafts to their masks, in flat memory."""

    jobs: Jobs
    scans: Scans
    reviews: Reviews
    drafts: Drafts
    masks: CorrectedMasks
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def save(
        self, project: str, review: Review, known: DraftState, seen: str | None = None
    ) -> Review:
        """Stores the corrected mask that the draft describes, with `review`, and deletes the draft.

        The mask from which the draft began, and all earlier ones, stay as they are. `review` gets
        the id of the draft: a request that is sent again returns the review that is stored.
        `seen` as in `Reviews.add`. Raises what that raises, DraftChanged unless `known` is all of
        the draft, and BadRequest for a draft that changes no voxel.
        """
        job_id = str(review.job)
        stored = self._stored(project, review, known)
        if stored is not None:
            return stored
        draft = self.drafts.get(project, job_id, known.reader, known.id)
        check_changes(draft, known.changes)
        corrected = self._corrected(project, draft, review)
        try:
            added = self.reviews.add(project, corrected, seen, draft=known)
        except NotFound:  # the same request, sent twice at once: the other one has stored it
            stored = self._stored(project, review, known)
            if stored is None:
                raise
            return stored
        self.masks.follow(project, added)
        return added

    def _stored(self, project: str, review: Review, known: DraftState) -> Review | None:
        """The reader's review that the draft became; None: there is none."""
        for one in self.reviews.of_job(project, str(review.job), review.reviewer):
            if one.id == known.id and reader_key(one.reviewer) == reader_key(review.reviewer):
                return one
        return None

    def _corrected(self, project: str, draft: Draft, review: Review) -> Review:
        """The review with the draft's corrected mask, which is stored, and what changed."""
        with self._opened(project, draft) as (scan, base):
            edited = EditableMask.copy(base, _largest(draft), self.scratch.folder)
            for packed in self.drafts.change_sets(draft):
                for runs in read_runs(packed):
                    edited.apply(runs)
            changed = _difference(draft, base, edited.mask)
            if not changed.voxels:
                raise _unchanged()
            mask = self.masks.store(edited.mask, scan)
        return replace(
            review,
            id=draft.id,
            mask_sha256=mask.sha256,
            mask_format=mask.format,
            mask_bytes=mask.bytes,
            tag=FINAL,
            base=draft.base,
            seconds=draft.seconds,
            changes=changed.labels,
        )

    @contextmanager
    def _opened(self, project: str, draft: Draft) -> Iterator[tuple[Scan, NDArray[Any]]]:
        """The scan of the job, and the mask from which the draft began."""
        stored = self.scans.get(project, self.jobs.get(project, draft.job).grid_scan)
        with (
            self.blobs.local(stored.sha256) as scan_path,
            self.blobs.local(draft.mask_sha256) as mask_path,
        ):
            scan = open_scan(scan_path, self.limits, self.scratch.folder)
            yield scan, mask_file.read(mask_path, scan.dimension, self.scratch.folder)


def _largest(draft: Draft) -> int:
    """The largest number that a voxel of the corrected mask may have, unless its base has more."""
    return max(draft.labels) if draft.largest is None else draft.largest


def _difference(draft: Draft, base: NDArray[Any], mask: NDArray[Any]) -> MaskDifference:
    together = None if draft.largest is None else draft.labels[0]
    return difference(base, mask, together=together)


def _unchanged() -> BadRequest:
    return BadRequest(
        "The correction changes no voxel of the mask.",
        expected="A draft whose mask differs from the one with which it began.",
        hint="Accept the mask instead, or go on with the correction.",
    )
