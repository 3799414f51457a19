"""Labels of images: stored as reviews, found by tag."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

from imaging.errors import NotFound
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Jobs, Labels, Reviews
from jobs.review import Review
from jobs.stored_scan import StoredScan
from models.any_card import AnyCard
from models.registry import Registry
from service.monai_label import label_map
from service.monai_label.datastore import ORIGINAL
from service.resources.scratch import Scratch
from service.use_cases.corrected_masks import CorrectedMasks, StoredMask
from service.use_cases.scan_removal import delete_blobs


@dataclass(frozen=True, slots=True)
class LabelStore:
    """Stores, finds and deletes labels."""

    labels: Labels
    reviews: Reviews
    jobs: Jobs
    masks: CorrectedMasks
    registry: Registry
    blobs: Blobs
    collector: BlobCollector
    scratch: Scratch
    limits: Limits

    def save(
        self, scan: StoredScan, tag: str, sent: Path, params: Mapping[str, Any], reader: str
    ) -> Review:
        """Checks the label map, stores its file, then its review, which makes it visible.

        `reader`: the name of the caller's account; empty: the parameter `client_id` is the name.
        The mask of a final label is sent to the peers that want corrected masks: in a second
        reading, not before it is complete, and only if it is the job's verdict.
        """
        names = label_map.names_of(params)
        with self.blobs.local(scan.sha256) as source:
            opened = open_scan(source, self.limits, self.scratch.folder)
            numbers = label_map.read(sent, opened, self.limits, self.scratch.folder)
            drawn = label_map.matched(numbers, names, self._jobs_with_cards(scan))
            stored = self.masks.store(drawn.numbers, opened)
        review = Review(
            id=uuid4().hex,
            job=drawn.job.id if drawn.job else None,
            verdict="corrected",
            comment="",
            reviewer=reader or str(params.get("client_id") or "")[:200].replace("\0", ""),
            created_at=time(),
            mask_sha256=stored.sha256,
            mask_format=stored.format,
            mask_bytes=stored.bytes,
            scan=scan.id,
            tag=tag,
            info=dict(params),
        )
        added = self.reviews.add(scan.project, review)
        self.masks.follow(scan.project, added)
        return added

    def mask(self, scan: StoredScan, tag: str, reader: str) -> StoredMask:
        """The mask under a tag, for a reader as in `Labels`; raises NotFound."""
        if tag == ORIGINAL:
            job = self.newest_job(scan)
            return StoredMask(str(job.mask_sha256), str(job.mask_format))
        review = self.labels.get(scan.project, scan.id, tag, reader)
        return StoredMask(str(review.mask_sha256), str(review.mask_format))

    def newest_job(self, scan: StoredScan) -> Job:
        """The newest job that made a mask of the scan; raises NotFound."""
        jobs = self.jobs.succeeded_on(scan.project, scan.id)
        if not jobs:
            raise NotFound("No network has segmented this image.", hint="Run an inference first.")
        return jobs[0]

    def delete(self, scan: StoredScan, tag: str, reader: str) -> None:
        """Deletes the reader's labels under a tag, with the reviews that hold them; all labels if
        the reader is not known.

        Raises NotFound, Forbidden for those of other readers, or Conflict for a mask that a second
        reading has compared.
        """
        delete_blobs(self.collector, self.labels.delete(scan.project, scan.id, tag, reader))

    def _jobs_with_cards(self, scan: StoredScan) -> list[tuple[Job, AnyCard]]:
        """The jobs that made a mask of the scan and whose model is installed, newest first."""
        cards = {model.card.checksum: model.card for model in self.registry.all()}
        jobs = self.jobs.succeeded_on(scan.project, scan.id)
        return [(job, cards[job.model_sha256]) for job in jobs if job.model_sha256 in cards]
