"""Corrected masks: how they are stored, and what follows once their reviews are."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imaging.formats import registry
from imaging.formats.mask_file import write
from imaging.scan import Scan
from jobs.blobs import Blobs
from jobs.repository import FINAL
from jobs.review import Review
from service.resources.scratch import Scratch
from service.use_cases.deliveries import Deliveries
from service.use_cases.second_readings import SecondReadings


@dataclass(frozen=True, slots=True)
class StoredMask:
    """A mask in the blob store."""

    sha256: str
    format: str
    bytes: int = 0
    """0: not known."""


@dataclass(frozen=True, slots=True)
class CorrectedMasks:
    """Stores the masks that readers correct, on the page or in a MONAI Label client."""

    deliveries: Deliveries
    readings: SecondReadings
    blobs: Blobs
    scratch: Scratch

    def store(self, mask: NDArray[Any], scan: Scan) -> StoredMask:
        """Stores a mask of shape `scan.grid` in the format that fits; raises StorageFull."""
        target = registry.stored_for(mask)
        with self.scratch.file(target.file_ending) as path:
            write(path, mask, scan)
            size = path.stat().st_size
            return StoredMask(self.blobs.put(path, move=True), target.name, size)

    def follow(self, project: str, added: Review) -> None:
        """Does what follows from a review that was added, with a corrected mask or without.

        A mask with the tag `final` is sent to the peers that want corrected masks: in a second
        reading, not before it is complete, and only if it is the job's verdict.
        """
        if added.role is not None:
            self.readings.follow(project, added)
        elif added.job is not None and added.mask_sha256 is not None and added.tag == FINAL:
            self.deliveries.send_corrected(project, added.job, added.id)
