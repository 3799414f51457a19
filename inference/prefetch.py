"""Work that is done while the work before it is still used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def prefetch(make: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[tuple[Item, Made]]:
    """Each item and what `make` makes of it; the next is being made, in a thread, meanwhile.

    What `make` raises is raised where its item would have come.
    """
    with ThreadPoolExecutor(1) as other:
        coming: deque[tuple[Item, Future[Made]]] = deque()
        for item in items:
            coming.append((item, other.submit(make, item)))
            if len(coming) > 1:
                before, made = coming.popleft()
                yield before, made.result()
        for item, made in coming:
            yield item, made.result()
