"""Which jobs a list shows, in which order, and how many there are of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jobs.job import JobState
from jobs.second_reading import ReadingState
from jobs.usual_sizes import UnusualSize


class JobSort(StrEnum):
    """The order of a list of jobs."""

    NEWEST = "newest"
    OLDEST = "oldest"
    PRIORITY = "priority"
    """The highest priority first, then the oldest job, as in a queue."""
    SUSPICION = "suspicion"
    """The job with the most warnings in its report and unusual labels first, then the newest."""


class Verdict(StrEnum):
    """How a finished job was judged."""

    TO_REVIEW = "to_review"
    """The job has succeeded, and has no verdict."""
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """The jobs that meet all of these conditions; None, or an empty list, is no condition."""

    states: tuple[JobState, ...] = ()
    """In one of these states."""
    verdicts: tuple[Verdict, ...] = ()
    """With one of these verdicts."""
    reviewer: str | None = None
    """Last reviewed by a reader of this name."""
    assignees: tuple[str, ...] = ()
    """Assigned to one of these readers; an empty name stands for nobody."""
    readings: tuple[ReadingState, ...] = ()
    """With a second reading in one of these states."""
    unread_by: str | None = None
    """Not read by a reader of this name, in a second reading."""
    scan: str | None = None
    """Whose first scan has this id, so that the mask is on its grid."""
    model: str | None = None
    batch: str | None = None
    modality: str | None = None
    """DICOM modality of the first scan."""
    text: str | None = None
    """Words that each occur in the names of the job's scans, or in the pseudonym of the patient of
    the first one, in upper or lower case."""
    created_from: float | None = None
    """Created at this time or later, in seconds since the epoch."""
    created_before: float | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs there are, in total and by what they have in common."""

    total: int
    states: Mapping[JobState, int]
    verdicts: Mapping[Verdict, int]
    models: Mapping[str, int]
    modalities: Mapping[str, int]
    reviewers: Mapping[str, int]
    assignees: Mapping[str, int]
    readings: Mapping[ReadingState, int] = field(default_factory=dict)
    """By state of the second reading, of jobs that have one."""


@dataclass(frozen=True, slots=True)
class ListedJob:
    """What a list shows of a job beside the job itself."""

    scan_name: str = ""
    """File name of the first scan; empty if the job was deleted a moment ago."""
    modality: str | None = None
    """DICOM modality of the first scan; None if it is unknown."""
    reviewer: str | None = None
    """Name in the latest review; None without one."""
    warnings: int = 0
    """Number of warnings in the report."""
    assignee: str | None = None
    """The reader who is to judge it; None: nobody in particular."""
    review: str | None = None
    """Id of the newest review that counts."""
    doubts: int = 0
    """Number of reasons in the report to doubt the mask."""
    unusual_sizes: tuple[UnusualSize, ...] = ()
    """Labels whose size differs from that in accepted masks."""
    reading: str | None = None
    """State of the second reading; None without one."""
    readings_given: int | None = None
    readings_wanted: int | None = None
    subject: str | None = None
    """Pseudonym of the patient of the first scan; None if the scan states no patient."""
    study_date: str | None = None
    """Date of its study, YYYY-MM-DD; None if it is not known."""
