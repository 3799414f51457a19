"""Association slots: how many associations are open, in all, for each address and for strangers.

Nobody holds all of them: the last slots are kept for addresses that have none, and callers whose AE
title is not known share a few.
"""

import threading
from collections import Counter

_SHARE = 5
"""A fifth of all slots, and at least one, is kept for newcomers; strangers share as many."""


class AssociationSlots:
    """Counts associations; thread-safe."""

    def __init__(self, total: int, per_address: int) -> None:
        """`per_address`: 0 for no limit but `total`."""
        self._total = total
        self._per_address = per_address or total
        self._for_strangers = max(1, total // _SHARE)
        self._for_newcomers = min(self._for_strangers, total - self._per_address)
        self._open: Counter[str] = Counter()
        self._strangers = 0
        self._mutex = threading.Lock()

    def take(self, group: str, *, stranger: bool = False) -> str:
        """Takes a slot for an address group; returns "", or why there is none.

        `stranger`: the AE title is not known.
        """
        with self._mutex:
            problem = self._problem(group, stranger)
            if not problem:
                self._open[group] += 1
                self._strangers += stranger
            return problem

    def free(self, group: str, *, stranger: bool = False) -> None:
        """Gives a slot back."""
        with self._mutex:
            self._strangers -= stranger
            self._open[group] -= 1
            if not self._open[group]:
                del self._open[group]

    def _problem(self, group: str, stranger: bool) -> str:
        left, own = self._total - self._open.total(), self._open[group]
        if left <= 0:
            return f"all {self._total} associations are in use"
        if own >= self._per_address:
            return f"its address uses all its {self._per_address} associations"
        if own and left <= self._for_newcomers:
            return f"the last {left} associations are kept for addresses that have none"
        if stranger and self._strangers >= self._for_strangers:
            return f"unknown AE titles use all their {self._for_strangers} associations"
        return ""
