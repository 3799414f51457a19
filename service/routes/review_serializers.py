"""Reviews, their drafts and their readers as the schemas of the wire."""

from dataclasses import asdict
from typing import Any, cast

from imaging.reader_measurements.measurement import ReaderMeasurement
from jobs.draft import Draft
from jobs.review import Review
from jobs.viewer import Viewer
from service.routes.times import time_of, time_or_none
from service.schemas import DraftOut, LabelChangeOut, MeasurementOut, ReviewOut, ViewerOut


def review_out(review: Review) -> ReviewOut:
    """A review."""
    return ReviewOut(
        id=review.id,
        job=str(review.job),  # a review without a job is in no job's list
        verdict=cast("Any", review.verdict),
        reasons=list(review.reasons),
        comment=review.comment,
        reviewer=review.reviewer,
        created_at=time_of(review.created_at),
        withdrawn_at=time_or_none(review.withdrawn_at),
        mask_format=review.mask_format,
        role=review.role,
        measurements=[_measurement_out(one) for one in review.measurements],
        base=review.base,
        seconds=review.seconds,
        changes=[LabelChangeOut(**asdict(one)) for one in review.changes],
    )


def draft_out(draft: Draft) -> DraftOut:
    """A draft."""
    return DraftOut(
        id=draft.id,
        job=draft.job,
        reader=draft.reader,
        base=draft.base,
        changes=draft.changes,
        seconds=draft.seconds,
        created_at=time_of(draft.created_at),
        updated_at=time_of(draft.updated_at),
    )


def _measurement_out(one: ReaderMeasurement) -> MeasurementOut:
    return MeasurementOut(**asdict(one))


def viewer_out(viewer: Viewer) -> ViewerOut:
    """A page that shows a job."""
    return ViewerOut(reader=viewer.reader, since=time_of(viewer.since))
