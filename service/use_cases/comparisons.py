"""Comparisons: what two masks of one grid have in common, and where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imaging.errors import BadRequest
from imaging.formats.mask_file import read
from imaging.metrics.label_matching import LabelMatching, by_number, matched
from imaging.metrics.mask_difference import MaskDifference, mask_difference
from imaging.same_grid import farthest_corner
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Jobs, Scans
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.result_mask import ResultMask

MatchLabels = Literal["auto", "name", "number"]
_SAME_VOXEL = 0.05
"""Largest distance of a corner of one grid from that of the other, in voxels."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two masks, A and B, and their difference, in the label numbers of A."""

    first: ResultMask
    second: ResultMask
    objects: bool
    """Whether one of them numbers objects, so that only the foregrounds were compared."""
    matching: LabelMatching
    difference: MaskDifference
    scan: StoredScan
    """The scan of A."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Compares stored masks, in flat memory."""

    jobs: Jobs
    scans: Scans
    blobs: Blobs
    scratch: Scratch

    def compare(self, first: ResultMask, second: ResultMask, match: MatchLabels) -> Comparison:
        """Compares two masks of the caller; raises BadRequest if their grids differ.

        `match`: whether labels are matched by their names or numbers; `auto`: by numbers for masks
        of one model, else by names where the masks have names in common.
        """
        scan = self.scans.get(first.job.project, first.job.grid_scan)
        other = self.scans.get(second.job.project, second.job.grid_scan)
        _check_same_grid(scan, other)
        reports = [self.jobs.report(one.job.project, one.job.id) for one in (first, second)]
        objects = any(one.get("measurements", {}).get("instances") is not None for one in reports)
        matching = _matching(first.job, second.job, [_names(one) for one in reports], match)
        dimension = len(scan.shape) - 1
        with self.blobs.local(first.sha256) as one, self.blobs.local(second.sha256) as two:
            masks = [read(path, dimension, self.scratch.folder) for path in (one, two)]
            difference = mask_difference(*masks, objects=objects, renumbered=matching.renumbered)
        return Comparison(first, second, objects, matching, difference, scan)


def _names(report: Mapping[str, object]) -> dict[int, str]:
    """Label number -> name, as a job's report lists them."""
    measured = report.get("measurements")
    rows = measured.get("labels", []) if isinstance(measured, Mapping) else []
    return {int(row["value"]): str(row.get("name") or f"label {row['value']}") for row in rows}


def _matching(first: Job, second: Job, names: list[dict[int, str]], match: str) -> LabelMatching:
    one_model = not first.uploaded and first.model_sha256 == second.model_sha256
    if match == "number" or (match == "auto" and (one_model or first.id == second.id)):
        return by_number(*names)
    return matched(*names)


def _check_same_grid(scan: StoredScan, other: StoredScan) -> None:
    """An image has no position: two images of one size are not the same place."""
    if scan.id == other.id:
        return
    volumes = len(scan.shape) == len(other.shape) == 4
    if volumes and scan.shape[1:] == other.shape[1:]:
        affines = (np.array(scan.affine), np.array(other.affine))
        if farthest_corner(*affines, scan.shape[1:]) <= _SAME_VOXEL:
            return
    raise BadRequest(
        "The two masks are on different grids, so that their voxels cannot be compared.",
        expected="Two masks of one scan, or of volumes on the same grid.",
        hint="Compare masks of one scan. On the review page, other scans can be shown side by "
        "side.",
    )
