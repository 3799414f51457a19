"""A job order: what a caller wants segmented, checked against the model's card and the scans."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from uuid import uuid4

from imaging.counted import counted
from imaging.errors import BadRequest, ScanModelMismatch
from imaging.given_mask import GIVEN_MASK, take_given_mask
from inference.runtime_registry import queue_for
from jobs.job import Job, JobState, Options
from jobs.repository import Scans
from jobs.stored_scan import StoredScan
from models.any_card import AnyCard
from service.resources.usable_models import UsableModels
from service.use_cases.tile_option import with_checked_tile


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One segmentation: `scan`, or `scans` by channel name for a model with several channels."""

    model: str
    scan: str | None = None
    scans: Mapping[str, str] | None = None
    priority: int = 5
    """0..9, 9 first."""
    options: Options = field(default_factory=Options)


class OrderCheck:
    """Turns the orders of one project into jobs.

    Looks each card and scan up once, because a batch names the same ones many times.
    """

    def __init__(self, models: UsableModels, scans: Scans, project: str) -> None:
        def card(name: str) -> AnyCard:
            return models.get(project, name).card

        def scan(scan_id: str) -> StoredScan:
            return scans.get(project, scan_id)

        self._project = project
        self._card = cache(card)
        self._scan = cache(scan)

    def uploads(self, job: Job) -> list[str | None]:
        """The trace contexts in which the job's scans were taken in."""
        return [self._scan(scan).traceparent for scan in job.scans.values()]

    def job(self, order: JobOrder, batch: str | None = None) -> Job:
        """A queued job, not stored yet.

        Raises NotFound for an unknown model or scan, ScanModelMismatch if channels or dimensions
        do not match, BadRequest if the tile does not fit the network.
        """
        card = self._card(order.model)
        scans, mask = _by_channel(order, card)
        self._check_dimensions(scans, card)
        if mask is not None:
            self._check_mask(mask, next(iter(scans.values())))
            scans[GIVEN_MASK] = mask
        first = self._scan(next(iter(scans.values())))
        options = with_checked_tile(order.options, card, first)
        return Job(
            id=uuid4().hex,
            project=self._project,
            scans=scans,
            model=card.full_name,
            model_version=card.version,
            model_sha256=card.checksum,
            options=options,
            priority=order.priority,
            queue=queue_for(options.device),
            state=JobState.QUEUED,
            attempt=0,
            created_at=time.time(),
            batch=batch,
        )

    def _grid(self, scan_id: str) -> tuple[int, ...]:
        return tuple(self._scan(scan_id).shape[1:])

    def _check_dimensions(self, scans: Mapping[str, str], card: AnyCard) -> None:
        for channel, scan_id in scans.items():
            check_dimension(channel, len(self._grid(scan_id)), card)

    def _check_mask(self, mask: str, scan: str) -> None:
        """Raises BadRequest for a mask whose shape cannot be that of the scan, along any axes.

        The worker compares the places in space.
        """
        shapes = [sorted(n for n in self._grid(one) if n > 1) for one in (mask, scan)]
        if shapes[0] != shapes[1]:
            raise BadRequest(
                f"The given mask has the shape {self._grid(mask)}.",
                expected=f"A label map on the grid of the scan, {self._grid(scan)}.",
                hint="Export the labels with the scan as reference.",
            )


def check_dimension(channel: str, dimension: int, card: AnyCard) -> None:
    """Raises ScanModelMismatch unless the model segments scans of this dimension, 2 or 3."""
    if dimension != card.dimension:
        raise ScanModelMismatch(
            f"The scan for channel {channel} is {_kind(dimension)}.",
            expected=f"{_kind(card.dimension).capitalize()}, as {card.name} segments.",
            hint="Choose a model of the scan's dimension; GET /v1/models lists the models.",
        )


def _by_channel(order: JobOrder, card: AnyCard) -> tuple[dict[str, str], str | None]:
    """Channel name -> scan id, in the card's order; and the id of the given mask, if one is
    used."""
    names = [channel.name for channel in card.requested_channels]
    given = dict(order.scans or {names[0]: order.scan or ""})
    every = [channel.name for channel in card.channels]
    mask = None if order.options.mask is None else take_given_mask(given, every)
    if set(names) <= set(given) <= set(every):
        return {name: given[name] for name in every if name in given}, mask
    raise ScanModelMismatch(
        f"The model {card.name} needs {counted(len(names), 'scan')}; the request names other ones.",
        expected=f"`scans` with a scan for each of: {', '.join(names)}.",
        hint=f'Send {{"scans": {{"{names[0]}": "<scan id>", ...}}}} with exactly these names.',
    )


def _kind(dimension: int) -> str:
    return "a 3D volume" if dimension == 3 else "a 2D image"
