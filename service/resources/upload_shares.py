"""Shares of the space for unfinished uploads, so that nobody can reserve all of it.

    space            all projects together
      project        at most half of what the other projects leave
        caller       at most half of what the other callers of the project leave to it

A first project that takes its whole share leaves half of the space, a second one a quarter, and so
on. A share is never smaller than one upload of the largest size, while there is space.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reservation:
    """The space of one upload."""

    project: str
    caller: str
    length: int
    """Stated length of the whole file in bytes."""
    finished: bool = False
    """Whether a scan was made of it, so that it is deleted soon. It takes space, but is in
    nobody's share: a caller may send many large files in turn."""


@dataclass(frozen=True, slots=True)
class ReservedSpace:
    """The space and what is reserved of it."""

    space_bytes: int
    smallest_share: int
    """In bytes."""
    reservations: tuple[Reservation, ...]

    def left(self) -> int:
        """Bytes that are left of the space."""
        return self.space_bytes - _total(self.reservations)

    def left_to(self, project: str, caller: str) -> int:
        """Bytes that are left of the share of a caller, and of its project."""
        others = [one for one in self.reservations if one.project != project]
        ours = [one for one in self.reservations if one.project == project and not one.finished]
        mine = [one for one in ours if one.caller == caller]
        share = (self.space_bytes - _total(others)) // 2
        my_share = (share - _total(ours) + _total(mine)) // 2
        return min(
            max(share, self.smallest_share) - _total(ours),
            max(my_share, self.smallest_share) - _total(mine),
        )


def _total(reservations: Iterable[Reservation]) -> int:
    return sum(one.length for one in reservations)
