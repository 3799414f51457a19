"""A result's mask: the one that the job made, or the one that a reader corrected or measured."""

from dataclasses import dataclass

from jobs.job import Job
from jobs.review import Review


@dataclass(frozen=True, slots=True)
class ResultMask:
    """A stored mask of a finished job, on the grid of the job's first scan."""

    job: Job
    review: Review | None = None
    """The review with the corrected mask or with measurements; None: the job's own mask."""

    @property
    def corrected(self) -> bool:
        """Whether the mask is the review's, not the job's own."""
        return self.review is not None and self.review.mask_sha256 is not None

    @property
    def sha256(self) -> str:
        """The blob of the mask."""
        corrected = self.review.mask_sha256 if self.review else None
        return str(corrected or self.job.mask_sha256)

    @property
    def format(self) -> str:
        """The format that the mask is stored in."""
        corrected = self.review.mask_format if self.review else None
        return str(corrected or self.job.mask_format)

    @property
    def made_at(self) -> float:
        """When the mask was made, corrected or measured, in seconds since the epoch."""
        if self.review is not None:
            return self.review.created_at
        return self.job.finished_at or self.job.created_at

    @property
    def name(self) -> str:
        """The identifying part of a download's name."""
        return self.job.id if self.review is None else f"{self.job.id}-{self.review.id}"

    def tag(self, result_format: str) -> str:
        """Identifies the content of the mask, or of a report about it, in a format."""
        supplied = "-supplied" if self.job.supplied else ""
        corrected = "-corrected" if self.corrected else ""
        measured = f"-{self.review.id}" if self.review and self.review.measurements else ""
        return f"{self.sha256}-{result_format}{supplied}{corrected}{measured}"
