"""Values that are computed at their first use."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

Value = TypeVar("Value")


def lazy(compute: Callable[[], Value]) -> Callable[[], Value]:
    """A function that calls `compute` at its first call and returns that value from then on.

    Other threads wait for the first call. If `compute` raises, the call raises too, and the next
    call tries again.
    """
    lock, values = Lock(), list[Value]()

    def get() -> Value:
        with lock:
            if not values:
                values.append(compute())
            return values[0]

    return get
