"""Draft edits: a reader begins a correction, and its changes are checked and stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from imaging.errors import BadRequest, Conflict
from imaging.uploaded_mask import MOST_LABEL
from imaging.voxel_runs import MOST_VOXELS, RunRules, checked_totals, join_runs
from jobs.draft import ChangeSet, Draft, DraftBase
from jobs.repository import Drafts, Scans
from service.resources.scratch import Scratch
from service.use_cases.downloads import Download, written_file
from service.use_cases.results import Results

MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class DraftEdits:
    """Begins drafts and adds changes to them. `reader`: the name of who asks."""

    results: Results
    scans: Scans
    drafts: Drafts
    scratch: Scratch

    def begin(self, project: str, job_id: str, reader: str, review: str | None) -> Draft:
        """Begins a draft with the job's own mask, or with the corrected mask of a review; returns
        the reader's draft if there is one.

        Raises what `Drafts.begin` raises, and BadRequest for a scan that is too large.
        """
        job = self.results.finished_job(project, job_id)
        voxels = prod(self.scans.get(project, job.grid_scan).shape[1:])
        if voxels > MOST_VOXELS:
            raise BadRequest(
                f"The scan is too large to be corrected here: {voxels:,} pixels.",
                expected=f"At most {MOST_VOXELS:,} pixels or voxels.",
                hint="Correct the mask in another program, and send it as a label.",
            )
        base = DraftBase(review, voxels, *_labels(self.results.report(job)))
        return self.drafts.begin(project, job_id, reader, base)

    def append(
        self,
        project: str,
        job_id: str,
        reader: str,
        draft_id: str,
        number: int,
        packed: bytes,
        seconds: float,
    ) -> Draft:
        """Checks a set of changes and stores it; see `imaging.voxel_runs` for `packed`.

        Raises what `Drafts.append` raises, and BadRequest and ScanTooLarge for what is no set of
        changes of this mask.
        """
        draft = self.drafts.get(project, job_id, reader, draft_id)
        rules = RunRules(draft.voxels, draft.labels, draft.largest)
        totals = checked_totals(packed, rules)
        changes = ChangeSet(number, packed, totals.sha256, totals.runs, totals.voxels, seconds)
        return self.drafts.append(project, job_id, reader, draft_id, changes)

    def changes(self, project: str, job_id: str, reader: str, draft_id: str | None) -> Download:
        """All sets of changes of a draft, one after the other, as one gzip stream.

        Raises NotFound and DraftChanged.
        """
        draft = self.drafts.get(project, job_id, reader, draft_id)

        def write(path: Path) -> None:
            join_runs(self.drafts.change_sets(draft), path)

        tag = f"{draft.id}-{draft.changes}"
        return written_file(self.scratch, write, f"changes-{tag}.gz", MEDIA_TYPE, tag)


def _labels(report: Mapping[str, Any]) -> tuple[tuple[int, ...], int | None]:
    """The label numbers of a job's mask, and the largest number of an object if it numbers them.

    The report lists all labels, also those without a voxel, and stays when the model is removed.
    """
    measurements = report.get("measurements") or {}
    labels = tuple(int(row["value"]) for row in measurements.get("labels") or ())
    if not labels:
        raise Conflict(
            "The report of the job does not list the labels of its mask.",
            expected="A job of this version of Tessera, or of one that lists them.",
            hint="Run the job again, then correct its mask.",
        )
    objects = measurements.get("instances")
    return labels, None if objects is None else max(MOST_LABEL, int(objects["count"]))
