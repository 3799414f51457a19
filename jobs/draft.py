"""A draft: a correction of a mask that a reader has not finished.

It holds the mask that it began with, its base, and the changes since, in numbered sets that are
only ever appended. The corrected mask exists once the draft is saved as a review.
"""

from dataclasses import dataclass

from imaging.errors import DraftChanged

MOST_CHANGES = 100_000
"""Maximum number of sets of changes in a draft."""
MOST_BYTES = 1 << 28
"""Largest size of all sets of a draft together, packed."""
MOST_RUNS = 1 << 25
"""Maximum number of runs in all sets of a draft together."""
MOST_REPAINTS = 256
"""How often a draft may change as many voxels as the scan has; at least SMALL_VOXELS changes."""
SMALL_VOXELS = 1 << 32


@dataclass(frozen=True, slots=True)
class DraftBase:
    """What a draft is made of, as `Drafts.begin` needs it."""

    review: str | None
    """The review whose corrected mask is changed; None: the job's own mask."""
    voxels: int
    """Number of voxels of the grid."""
    labels: tuple[int, ...]
    """The label numbers of the mask, at least one."""
    largest: int | None
    """For a mask that numbers objects: the largest number that a voxel may get; None: others."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A correction that is not finished. Times are seconds since the epoch."""

    id: str
    """Also the id of the review that it becomes."""
    job: str
    reader: str
    base: str | None
    """Id of the review whose corrected mask is changed; None: the job's own mask is."""
    mask_sha256: str
    """Blob of the base, in `mask_format`."""
    mask_format: str
    voxels: int
    labels: tuple[int, ...]
    largest: int | None
    created_at: float
    updated_at: float
    """When it was last opened or changed."""
    changes: int = 0
    """Number of the last set of changes; 0: there is none."""
    bytes: int = 0
    """Size of all sets, packed."""
    runs: int = 0
    painted: int = 0
    """Sum of the voxels of all runs."""
    seconds: float = 0.0
    """How long the reader has worked on it, as the page reports."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that a reader made since the last set."""

    number: int
    """One more than that of the last set."""
    packed: bytes
    """Runs of voxels, as `imaging.voxel_runs` describes them."""
    sha256: str
    """Of the runs, however they are packed."""
    runs: int
    painted: int
    """Sum of the voxels of its runs."""
    seconds: float
    """How long the reader has worked on it."""


@dataclass(frozen=True, slots=True)
class DraftState:
    """A draft that a caller knows, up to a set of changes."""

    id: str
    reader: str
    changes: int


def check_changes(draft: Draft, known: int) -> None:
    """Raises DraftChanged unless `known` is the number of the last set of changes."""
    if draft.changes != known:
        raise DraftChanged(
            "The draft was changed in another window: the last set of changes of the draft is "
            f"{draft.changes:,}, not {known:,}.",
            expected="The number of the last set that the draft has.",
            hint="Another page has gone on with it. Read all changes with GET "
            "/v1/jobs/{job_id}/draft/changes, and go on from there.",
        )
