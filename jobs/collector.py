"""Deletes the blobs that no row names any more, or never came to name.

A blob is stored before its row, so one that is not named may be about to be: only those that were
put longer ago than a grace period go, and whoever puts the same content again renews its age.
"""

from collections.abc import Iterator, Sequence

from jobs.blobs import Blobs
from jobs.repository import Repository
from jobs.settings import Settings

_AT_ONCE = 500


class Collector:
    """What a scan's deletion, a refused upload or a mask that came too late left behind."""

    def __init__(self, repository: Repository, blobs: Blobs, settings: Settings) -> None:
        self._repository = repository
        self._blobs = blobs
        self._grace_s = settings.blob_grace_s

    def collect(self) -> Iterator[int]:
        """Goes through the whole store, some blobs at each step, and says how many went then.

        Raises Unavailable where the database or the store is away.
        """
        for names in self._blobs.old(self._grace_s):
            yield self.take(names)

    def take(self, names: Sequence[str]) -> int:
        """How many of these went: those that are old enough and that nothing names."""
        gone = 0
        for start in range(0, len(names), _AT_ONCE):
            unused = self._repository.references.unused(names[start : start + _AT_ONCE])
            gone += sum(self._blobs.delete(name, self._grace_s) for name in unused)
        return gone
