"""Keys that were seen a short while ago, such as those of repeated events."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class RecentKeys:
    """Remembers a bounded number of keys for a time after they were first seen; thread-safe."""

    def __init__(
        self,
        window_s: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        extended: bool = False,
    ) -> None:
        """`extended`: the window of a key begins again whenever the key is seen."""
        self._window_s, self._most, self._clock = window_s, most, clock
        self._extended = extended
        self._mutex = threading.Lock()
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def is_new(self, key: Hashable) -> bool:
        """Whether the key was not seen within the window; then its window begins."""
        now = self._clock()
        with self._mutex:
            since = self._seen.get(key)
            known = since is not None and now - since < self._window_s
            if known and not self._extended:
                return False
            self._seen[key] = now
            self._seen.move_to_end(key)
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return not known
