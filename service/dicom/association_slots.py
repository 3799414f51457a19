"""Association slots: how many associations are open, in all and for each address."""

import threading
from collections import Counter


class AssociationSlots:
    """Counts associations; thread-safe."""

    def __init__(self, total: int, per_address: int) -> None:
        """`per_address`: 0 for no limit but `total`."""
        self._total = total
        self._per_address = per_address or total
        self._open: Counter[str] = Counter()
        self._mutex = threading.Lock()

    def take(self, group: str) -> str:
        """Takes a slot for an address group; returns "", or why there is none."""
        with self._mutex:
            if self._open.total() >= self._total:
                return f"all {self._total} associations are in use"
            if self._open[group] >= self._per_address:
                return f"its address uses all its {self._per_address} associations"
            self._open[group] += 1
            return ""

    def free(self, group: str) -> None:
        """Gives a slot back."""
        with self._mutex:
            self._open[group] -= 1
            if not self._open[group]:
                del self._open[group]
