"""Assistance: a label of a mask is refined inside a box from the strokes of a reader."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from imaging.assistance.request import MOST_VOXELS, AssistanceRequest
from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.limits import Limits
from jobs.blobs import Blobs
from jobs.repository import Scans
from service.resources.assistant_process import AssistantProcess
from service.resources.scratch import Scratch
from service.use_cases.results import Results

_HINT = "Choose another box, in voxels of the mask as `nifti`."


@dataclass(frozen=True, slots=True)
class Assistance:
    """Sends requests to the assistant."""

    results: Results
    scans: Scans
    blobs: Blobs
    scratch: Scratch
    limits: Limits
    process: AssistantProcess

    def refine(self, project: str, job_id: str, box: Box, marks: bytes, assistant: str) -> bytes:
        """The changes of the mask, as `imaging.assistance.marks` describes them and the marks.

        `box` and `marks` are on the grid of the job's mask as NIfTI. Reads the first scan of the
        job. Raises NotFound, Conflict, BadRequest and ScanTooLarge, and Unavailable if the
        assistant takes too long.
        """
        job = self.results.finished_job(project, job_id)
        scan = self.scans.get(project, job.grid_scan)
        grid = tuple(scan.shape[1:])
        _check(box, (*grid[::-1], 1) if len(grid) == 2 else grid)
        request = AssistanceRequest(
            assistant, scan.sha256, grid, box, marks, self.limits, self.scratch.folder
        )

        def opened() -> AbstractContextManager[Path]:
            return self.blobs.local(scan.sha256)

        return self.process.ask(request, opened)


def _check(box: Box, dims: tuple[int, ...]) -> None:
    edges = zip(box.start, box.stop, dims, strict=True)
    if not all(0 <= start < stop <= length for start, stop, length in edges):
        raise BadRequest(
            "The box is empty, or not inside the scan.",
            expected=f"0 <= low < high <= {' x '.join(map(str, dims))}, on each axis.",
            hint=_HINT,
        )
    if box.size > MOST_VOXELS:
        raise ScanTooLarge(
            f"The box has {box.size:,} voxels.",
            expected=f"At most {MOST_VOXELS:,} voxels.",
            hint=_HINT,
        )
