"""Segments the scans of a job."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from inference.engine import Engine
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Scans


class JobSegmenter:
    """Gets the scans of a job from the blob store and runs the engine on them."""

    def __init__(self, scans: Scans, blobs: Blobs, engine: Engine) -> None:
        self._scans, self._blobs, self._engine = scans, blobs, engine

    def segment(self, job: Job, folder: Path, context: RunContext) -> SegmentationOutput:
        """Mask, preview and report in `folder`. Raises what `Engine.segment` raises, and NotFound
        for a scan that was deleted."""
        options = RunOptions(**asdict(job.options))
        with ExitStack() as stack:
            scans = {
                channel: stack.enter_context(
                    self._blobs.local(self._scans.get(job.project, scan).sha256)
                )
                for channel, scan in job.scans.items()
            }
            return self._engine.segment(
                scans, job.model, folder, options, context, job.model_sha256
            )
