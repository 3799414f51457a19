"""Deletes blobs that no row refers to.

A blob is stored before its row, so a blob without a reference may be about to get one. Only blobs
that were put longer ago than a grace period are deleted; putting the same content again starts its
age at 0.
"""

from collections.abc import Iterator, Sequence

from jobs.blobs import Blobs
from jobs.repository import References
from jobs.settings import Settings

_GROUP = 500


class BlobCollector:
    """Removes what a deleted scan, a refused upload or a mask stored too late left behind."""

    def __init__(self, references: References, blobs: Blobs, settings: Settings) -> None:
        self._references = references
        self._blobs = blobs
        self._grace_s = settings.blob_grace_s

    def collect(self) -> Iterator[int]:
        """Checks the whole store, one group of blobs a step; yields how many were deleted.

        Raises Unavailable if the database or the store is unreachable.
        """
        for names in self._blobs.older_than(self._grace_s):
            yield self.delete_unused(names)

    def delete_unused(self, names: Sequence[str]) -> int:
        """Deletes those of these blobs that are old enough and unused; returns their number."""
        deleted = 0
        for start in range(0, len(names), _GROUP):
            unused = self._references.unused(names[start : start + _GROUP])
            deleted += sum(self._blobs.delete(name, self._grace_s) for name in unused)
        return deleted
