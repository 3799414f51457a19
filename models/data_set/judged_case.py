"""A mask that a reader accepted or corrected, with its scans, before it is written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from imaging.errors import BadRequest
from imaging.scan import Scan

Verdict = Literal["accepted", "corrected"]
_BIDS_SUBJECT = re.compile(r"(?:^|[^A-Za-z0-9])sub-([A-Za-z0-9]+)")
"""The entity `sub` in a file's name (BIDS 1.10, Entities)."""


@dataclass(frozen=True, slots=True)
class JudgedScan:
    """What is known of a scan. Nothing of it is written into a data set but as a hash."""

    id: str
    name: str
    """The file's name, which may identify a patient."""
    sha256: str
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""
    subject: str = ""
    """The pseudonym of the patient of a DICOM scan; empty: the file states none."""

    def subject_key(self, pattern: "re.Pattern[str] | None" = None) -> str:
        """Equal for scans of the same subject, as far as that is known: by the patient's
        pseudonym, the subject in the file's name, the series, and else the content.

        `pattern`: its first group in the file's name is the subject. Raises BadRequest where it
        does not match a name.
        """
        if pattern is not None:
            return f"name {_group(pattern, self.name)}"
        if self.subject:
            return f"patient {self.subject}"
        if named := _BIDS_SUBJECT.search(self.name):
            return f"name {named.group(1)}"
        return f"series {self.series}" if self.series else f"content {self.sha256}"


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """One judged mask."""

    job: str
    review: str
    verdict: Verdict
    judged_at: float
    """Seconds since the epoch."""
    model: str
    """The name that chose the model, such as NAME@VERSION."""
    model_version: str
    model_sha256: str
    scans: Mapping[str, JudgedScan]
    """By channel, in the order of the card's channels; the mask is on the grid of the first."""
    cropped: bool = False
    """Whether only a part of the scan was segmented, so that labels beyond it may be missing."""
    has_mask: bool = True
    """Whether there is a mask: a correction may have been made elsewhere."""


class JudgedMasks(Protocol):
    """Where judged masks come from: a database, or a server."""

    def cases(self) -> Iterator[JudgedCase]:
        """Every accepted or corrected mask, in any order."""
        ...

    def opened(self, case: JudgedCase) -> AbstractContextManager[tuple[Mapping[str, Scan], Scan]]:
        """The scans by channel, and the mask: a label map of the first scan."""
        ...


def compiled(pattern: str) -> "re.Pattern[str]":
    """Raises BadRequest unless it is a regular expression with a group."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise _no_pattern(f"The pattern of subjects is not valid: {error}.") from error
    if not expression.groups:
        raise _no_pattern("The pattern of subjects has no group.")
    return expression


def _group(pattern: "re.Pattern[str]", name: str) -> str:
    match = pattern.search(name)
    if match is None or match.group(1) is None:
        raise _no_pattern("The pattern of subjects does not match the name of a scan.")
    return match.group(1)


def _no_pattern(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A regular expression whose first group is the subject in every scan's name, such "
        "as (.*)_t1.",
        hint="Correct --subject-pattern.",
    )
