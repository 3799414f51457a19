"""Comparisons of two masks."""

from math import prod
from typing import Annotated

import numpy as np
from fastapi import Query

from service.auth import Permission, Principal
from service.http.dependencies import ComparisonsDep, ResultsDep, ViewThreadsDep
from service.http.permissions import Allowed
from service.http.readers import ReaderDep
from service.http.router import Router
from service.schemas import ComparisonOut, Identifier, JobId
from service.schemas.comparisons import ComparedMaskOut, LabelComparisonOut
from service.use_cases.comparisons import Comparison, MatchLabels
from service.use_cases.result_mask import ResultMask
from service.use_cases.results import Results

router = Router(tags=["reviews"])


@router.get("/v1/jobs/{job_id}/comparison")
async def compare_masks(
    job_id: JobId,
    comparisons: ComparisonsDep,
    results: ResultsDep,
    reader: ReaderDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    with_job: Annotated[
        Identifier | None,
        Query(description="Job of the second mask; without it, this job."),
    ] = None,
    review: Annotated[
        Identifier | None,
        Query(description="Review whose corrected mask is the first one; else the job's own mask."),
    ] = None,
    with_review: Annotated[
        Identifier | None,
        Query(description="Review of the second job whose corrected mask is the second one."),
    ] = None,
    match: Annotated[
        MatchLabels,
        Query(
            description="Which labels mean the same: those of the same `name`, or of the same "
            "`number`. `auto`: numbers for masks of one model, else names, if there are any in "
            "common."
        ),
    ] = "auto",
) -> ComparisonOut:
    """Compares two masks of one grid: of two models, before and after a correction, of two readers.

    The numbers are of the stored voxels in full resolution. A corrected mask that an open second
    reading hides from the caller is a 404, as for GET .../reviews/{id}/mask.
    """
    project, name = principal.project, reader.of(principal)
    first = await threads.run(_mask, results, project, job_id, review, name)
    second = await threads.run(_mask, results, project, with_job or job_id, with_review, name)
    return comparison_out(await threads.run(comparisons.compare, first, second, match))


def _mask(
    results: Results, project: str, job_id: str, review: str | None, reader: str
) -> ResultMask:
    if review is not None:
        return results.corrected(project, job_id, review, reader)
    return ResultMask(results.finished_job(project, job_id))


def comparison_out(comparison: Comparison) -> ComparisonOut:
    """A comparison, with the size of a voxel."""
    difference, scan = comparison.difference, comparison.scan
    volume = len(scan.shape) == 4
    area = None if volume or scan.spacing_mm is None else prod(scan.spacing_mm)
    solid = abs(float(np.linalg.det(np.array(scan.affine)[:3, :3]))) / 1000
    names = comparison.matching.names
    return ComparisonOut(
        first=_compared(comparison.first),
        second=_compared(comparison.second),
        matched_by=comparison.matching.by,
        renumbered={str(old): new for old, new in comparison.matching.renumbered.items()},
        objects=comparison.objects,
        voxel_ml=solid if volume else None,
        voxel_mm2=area,
        dice=difference.overall.dice,
        agreement=difference.agreement,
        only_first=difference.only_first,
        only_second=difference.only_second,
        other_label=difference.other_label,
        labels=[
            LabelComparisonOut(
                value=value,
                name="all objects" if comparison.objects else names.get(value, f"label {value}"),
                dice=overlap.dice,
                first=overlap.first,
                second=overlap.second,
                common=overlap.common,
            )
            for value, overlap in difference.labels.items()
        ],
        slices=[list(axis) for axis in difference.slices],
    )


def _compared(mask: ResultMask) -> ComparedMaskOut:
    return ComparedMaskOut(job=mask.job.id, review=None if mask.review is None else mask.review.id)
