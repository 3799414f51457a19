"""What was asked for, held against the card and the scans, as a job that can be run."""

import time
from collections.abc import Mapping
from functools import cache
from uuid import uuid4

from imaging.errors import BadRequest, ScanModelMismatch, TesseraError
from inference.runtime_registry import queue_for
from jobs.job import Batch, Job, JobState, Options
from models.card import ModelCard
from service.parts import Parts
from service.schemas import BatchIn, JobIn, OptionsIn


class _Known:
    """Cards and scans, each looked up once a request: a batch names the same ones many times."""

    def __init__(self, parts: Parts, project: str) -> None:
        def card(name: str) -> ModelCard:
            return parts.registry.get(name).card

        def dimension(scan_id: str) -> int:
            return len(parts.repository.scans.get(project, scan_id).shape) - 1

        self.project = project
        self.card = cache(card)
        self.dimension = cache(dimension)


def job_of(asked: JobIn, parts: Parts, project: str) -> Job:
    """A queued job, not stored yet.

    Raises NotFound for an unknown model or scan, ScanModelMismatch where channels or dimensions do
    not suit, BadRequest where the tile does not.
    """
    return _job(asked, _Known(parts, project))


def batch_of(asked: BatchIn, parts: Parts, project: str) -> tuple[Batch, list[Job]]:
    """A batch and its jobs; an error says which of the jobs is at fault."""
    batch, known = uuid4().hex, _Known(parts, project)
    jobs = [_numbered(n, one, known, batch) for n, one in enumerate(asked.jobs)]
    return Batch(
        id=batch,
        project=project,
        name=asked.name,
        created_at=time.time(),
        jobs=tuple(job.id for job in jobs),
        states={JobState.QUEUED: len(jobs)},
    ), jobs


def _job(asked: JobIn, known: _Known, batch: str | None = None) -> Job:
    card = known.card(asked.model)
    scans = _channels(asked, card)
    _check_dimensions(scans, card, known)
    options = _options(asked.options, card)
    return Job(
        id=uuid4().hex,
        project=known.project,
        scans=scans,
        model=card.name,
        model_version=card.version,
        model_sha256=card.sha256,
        options=options,
        priority=asked.priority,
        queue=queue_for(options.device),
        state=JobState.QUEUED,
        attempt=0,
        created_at=time.time(),
        batch=batch,
    )


def _numbered(number: int, asked: JobIn, known: _Known, batch: str) -> Job:
    try:
        return _job(asked, known, batch)
    except TesseraError as error:
        detail = f"jobs.{number}: {error.detail}"
        raise type(error)(detail, expected=error.expected, hint=error.hint) from error


def _channels(asked: JobIn, card: ModelCard) -> dict[str, str]:
    """Channel name -> scan id, in the card's order."""
    names = [channel.name for channel in card.channels]
    given: Mapping[str, str] = asked.scans or {names[0]: asked.scan or ""}
    if set(given) == set(names):
        return {name: given[name] for name in names}
    raise ScanModelMismatch(
        f"The model takes {len(names)} scan(s), one per channel, and others came.",
        expected=f"`scans` with a scan for each of: {', '.join(names)}.",
        hint=f'Send {{"scans": {{"{names[0]}": "<scan id>", ...}}}} with exactly these names.',
    )


def _check_dimensions(scans: Mapping[str, str], card: ModelCard, known: _Known) -> None:
    for channel, scan_id in scans.items():
        dimension = known.dimension(scan_id)
        if dimension != card.dimension:
            raise ScanModelMismatch(
                f"The scan for channel {channel} is {_kind(dimension)}.",
                expected=f"{card.name} segments {_kind(card.dimension)}.",
                hint="Pick a model of the scan's own dimension; GET /v1/models lists them.",
            )


def _kind(dimension: int) -> str:
    return "a 3D volume" if dimension == 3 else "a 2D picture"


def _options(asked: OptionsIn, card: ModelCard) -> Options:
    return Options(asked.device, asked.precision, asked.tile and _tile(asked.tile, card))


def _tile(tile: tuple[int, ...], card: ModelCard) -> tuple[int, ...]:
    if len(tile) not in (1, card.dimension):
        raise BadRequest(
            f"options.tile has {len(tile)} numbers.",
            expected=f"One number for all axes, or {card.dimension}: one per axis.",
            hint="Mend it, or leave it out: the planner then picks the cheapest tile.",
        )
    whole = tile * card.dimension if len(tile) == 1 else tile
    if any(asked < least for asked, least in zip(whole, card.minimum, strict=True)):
        least = " x ".join(str(n) for n in card.minimum)
        raise BadRequest(
            "options.tile is smaller than the network can read.",
            expected=f"At least {least} for {card.name}.",
            hint="Ask for a larger tile, or leave it out.",
        )
    return whole
