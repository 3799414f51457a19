"""Prepares the next item in a thread while the caller works on the present one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")


def prefetch(
    prepare: Callable[[Item], Prepared], items: Iterable[Item]
) -> Iterator[tuple[Item, Prepared]]:
    """Each item and its prepared form, in order.

    An error of `prepare` is raised when its item would be returned.
    """
    with ThreadPoolExecutor(1) as executor:
        pending: deque[tuple[Item, Future[Prepared]]] = deque()
        for item in items:
            pending.append((item, executor.submit(prepare, item)))
            if len(pending) > 1:
                previous, future = pending.popleft()
                yield previous, future.result()
        for item, future in pending:
            yield item, future.result()
