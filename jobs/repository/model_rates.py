"""How fast models are, measured from their latest jobs."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    func,
    select,
    union_all,
)

from jobs.job import JobState
from jobs.repository.schema.count_tables import job_counts
from jobs.repository.schema.job_tables import jobs

Rates = Mapping[str, float]
"""Model -> seconds per voxel, for each measured model."""
_RECENT = 20
"""Finished jobs of a model that its speed is measured from."""


def model_rates(connection: Connection) -> Rates:
    """The rates of the measured models that have waiting or running jobs."""
    busy = job_counts.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    query = select(job_counts.c.model).where(busy).group_by(job_counts.c.model)
    models = connection.execute(query.having(func.sum(job_counts.c.jobs) > 0)).scalars().all()
    if not models:
        return {}
    named = {f"model_{n}": model for n, model in enumerate(models)}
    rows = connection.execute(_measurements(len(models)), named)
    measured = [row for row in rows if row.voxels and row.seconds is not None]
    return {row.model: float(row.seconds) / float(row.voxels) for row in measured}


@cache
def _measurements(models: int) -> "CompoundSelect[Any]":
    """The statement for this number of models: it takes longer to build than to execute."""
    return union_all(*(_measured(f"model_{n}") for n in range(models)))


def _measured(parameter: str) -> "Select[str, Any, Any]":
    """Seconds and voxels of a model's latest jobs, added up; NULL if there are none."""
    model = bindparam(parameter, type_=Text)
    done = and_(jobs.c.model == model, jobs.c.state == JobState.SUCCEEDED)
    latest = select((jobs.c.finished_at - jobs.c.started_at).label("seconds"), jobs.c.voxels)
    row = latest.where(done).order_by(jobs.c.finished_at.desc()).limit(_RECENT).subquery()
    return select(
        model.label("model"),
        func.sum(row.c.seconds).label("seconds"),
        func.sum(row.c.voxels).label("voxels"),
    )
