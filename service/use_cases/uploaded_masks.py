"""Masks that users upload with their scans: stored as finished jobs, which readers judge."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.dicom.seg_header import SegHeader
from imaging.formats.dicom.seg_read import read_seg
from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from imaging.given_mask import GIVEN_MASK
from imaging.hashes import sha256_of
from imaging.overlay import preview
from imaging.scan import Scan
from imaging.uploaded_mask import UploadedMask, uploaded_label_map
from inference.runtime_registry import queue_for
from jobs.blobs import Blobs
from jobs.job import UPLOADED_MASK, Job, JobState, Options
from jobs.repository import Scans
from jobs.repository import UploadedMasks as UploadedMaskRows
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.uploaded_mask_report import uploaded_mask_report

_CHANNEL = "scan"


@dataclass(frozen=True, slots=True)
class MaskSource:
    """What tells a mask from others of its scan."""

    name: str | None
    """Its sender's name for the file; None: it is named for its series."""
    by: str
    """Who sent it, by the name in reviews; empty: there are no accounts, or a program did."""


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask that is stored now."""

    job: Job
    labels: tuple[str, ...]
    """Names of its labels."""
    created: bool
    """False if the project already had it."""


@dataclass(frozen=True, slots=True)
class UploadedMasks:
    """Stores masks that come with scans."""

    scans: Scans
    rows: UploadedMaskRows
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def add_label_map(self, project: str, scan_id: str, mask_id: str, by: str = "") -> StoredMask:
        """The label map that was uploaded as the scan `mask_id`, as a mask of another scan.

        `by`: who makes it a mask, by the name in reviews; empty without accounts.
        Raises NotFound, and BadRequest where it is on another grid or is no label map.
        """
        stored, label = self.scans.get(project, scan_id), self.scans.get(project, mask_id)
        if stored.id == label.id:
            raise BadRequest(
                "The scan and the mask are the same file.",
                expected="A label map, and the scan that it belongs to.",
                hint="Upload the scan, too.",
            )
        with self.blobs.local(stored.sha256) as path, self.blobs.local(label.sha256) as mask_path:
            scan = open_scan(path, self.limits, self.scratch.folder)
            given = open_scan(mask_path, self.limits, self.scratch.folder)
            mask = uploaded_label_map(given, scan, self.scratch.folder)
            scans = {_CHANNEL: stored.id, GIVEN_MASK: label.id}
            source = MaskSource(label.name, by)
            return self._store(stored, scan, mask, scans, label.sha256, label.format, source)

    def add_seg(
        self, project: str, path: Path, taken: Sequence[StoredScan], source: MaskSource
    ) -> StoredMask:
        """The DICOM Segmentation at `path`, as a mask of the scan that it refers to.

        `taken`: scans of the same upload, which come before earlier scans of the project. Raises
        BadRequest where there is no such scan or the mask is on another grid, UnsupportedScan,
        UnreadableScan.
        """
        header = SegHeader.read(path)
        refusal: BadRequest | None = None
        for stored in self._referenced(project, header, taken):
            with self.blobs.local(stored.sha256) as scan_path:
                scan = open_scan(scan_path, self.limits, self.scratch.folder)
                if not _may_belong(header, scan):
                    continue
                try:
                    mask = read_seg(path, header, scan, self.scratch.folder)
                except BadRequest as error:
                    refusal = refusal or error
                    continue
                scans = {_CHANNEL: stored.id}
                source = replace(source, name=source.name or header.name)
                sha256 = sha256_of(path)
                return self._store(stored, scan, mask, scans, sha256, "dicom-seg", source)
        raise refusal or _no_scan()

    def _referenced(
        self, project: str, header: SegHeader, taken: Sequence[StoredScan]
    ) -> Iterator[StoredScan]:
        known = {one.id for one in taken}
        yield from (one for one in taken if not header.series or one.series in header.series)
        for stored in self.scans.of_series(project, header.series):
            if stored.id not in known:
                yield stored

    def _store(
        self,
        stored: StoredScan,
        scan: Scan,
        mask: UploadedMask,
        scans: Mapping[str, str],
        sha256: str,
        mask_format: str,
        source: MaskSource,
    ) -> StoredMask:
        now = time.time()
        blobs, mask_bytes = self._files(scan, mask)
        job = Job(
            id=uuid4().hex,
            project=stored.project,
            scans=scans,
            model=UPLOADED_MASK,
            model_version="",
            model_sha256="",
            options=Options(),
            priority=0,
            queue=queue_for(Options().device),
            state=JobState.SUCCEEDED,
            attempt=0,
            created_at=now,
            started_at=now,
            finished_at=now,
            uploaded_name=source.name,
            uploaded_by=source.by or None,
            **blobs,
        )
        report = uploaded_mask_report(mask, scan, mask_format)
        job, created = self.rows.add(
            job, f"{UPLOADED_MASK} {stored.id} {sha256}", report, mask_bytes
        )
        return StoredMask(job, tuple(segment.name for segment in mask.segments), created)

    def _files(self, scan: Scan, mask: UploadedMask) -> tuple[dict[str, Any], int]:
        """Stores the mask and its preview image; members of a job, and the mask's bytes."""
        target = registry.stored_for(mask.numbers)
        colors = {segment.number: segment.color for segment in mask.segments}
        with self.scratch.file(target.file_ending) as path:
            write(path, mask.numbers, scan)
            mask_bytes = path.stat().st_size
            mask_sha256 = self.blobs.put(path, move=True)
        with self.scratch.file(".png") as path:
            preview(scan, mask.numbers, colors, path)
            preview_sha256 = self.blobs.put(path, move=True)
        members = {
            "mask_sha256": mask_sha256,
            "mask_format": target.name,
            "preview_sha256": preview_sha256,
        }
        return members, mask_bytes


def _may_belong(header: SegHeader, scan: Scan) -> bool:
    """Whether the Segmentation may be of these images, as far as both state it."""
    source = scan.source
    if source is None or not source.has_planes:
        return False
    planes = source.planes()
    reference = str(planes.headers[0].get("FrameOfReferenceUID") or "")
    if header.frame_of_reference and reference and header.frame_of_reference != reference:
        return False
    images = {str(one.SOPInstanceUID) for one in planes.instances}
    return not header.instances or bool(images & header.instances)


def _no_scan() -> BadRequest:
    return BadRequest(
        "The DICOM Segmentation does not belong to a scan that is stored here.",
        expected="The series that the Segmentation refers to, in the same upload or before it.",
        hint="Upload the Segmentation together with its series.",
    )
