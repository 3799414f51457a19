"""What is made when it is first asked for."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

Made = TypeVar("Made")


def lazy(make: Callable[[], Made]) -> Callable[[], Made]:
    """`make`, called by the first that asks and by nobody after it; others wait, and get the same.

    Where `make` raises, so does the call, and the next one tries again.
    """
    lock, made = Lock(), list[Made]()

    def get() -> Made:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get
