"""Segments the scans of a job."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

from inference.engine import Engine
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs.blobs import Blobs
from jobs.blobs.port import VerifiedBlob
from jobs.job import Job
from jobs.repository import Scans


@dataclass(frozen=True, slots=True)
class FetchedScans:
    """The scans of a job, as local files by channel name."""

    blobs: Mapping[str, VerifiedBlob]
    shapes: Sequence[tuple[int, ...]]

    @property
    def voxels(self) -> int:
        """Of all of them together."""
        return sum(map(prod, self.shapes))


class JobSegmenter:
    """Gets the scans of a job from the blob store and runs the engine on them."""

    def __init__(self, scans: Scans, blobs: Blobs, engine: Engine) -> None:
        self._scans, self._blobs, self._engine = scans, blobs, engine

    def fetch(self, job: Job, stack: ExitStack) -> FetchedScans:
        """The files are valid until `stack` is closed, which verifies them once more.

        Raises NotFound for a scan that was deleted, DamagedFile for one whose content was changed,
        also when the stack is closed.
        """
        blobs, shapes = {}, []
        for channel, scan_id in job.scans.items():
            scan = self._scans.get(job.project, scan_id)
            blobs[channel] = stack.enter_context(self._blobs.verified(scan.sha256))
            shapes.append(scan.shape)
        return FetchedScans(blobs, shapes)

    def segment(
        self, job: Job, scans: FetchedScans, folder: Path, context: RunContext
    ) -> SegmentationOutput:
        """Mask, preview and report in `folder`; raises what `Engine.segment` raises."""
        options = RunOptions(**asdict(job.options))
        paths = {channel: blob.path for channel, blob in scans.blobs.items()}
        output = self._engine.segment(paths, job.model, folder, options, context, job.model_sha256)
        output.report["scans_verified"] = {
            channel: blob.how for channel, blob in scans.blobs.items()
        }
        return output
