"""Waiting for something that another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0
"""How long a test waits for an event that must happen. It is no claim about speed."""

T = TypeVar("T")


def until(condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Calls `condition` until its value is true, and returns that value.

    Every 20 ms at first, which a condition that reads the database takes a tenth of a core for,
    and less often the longer it takes.
    """
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        assert waited < patience_s, f"The condition is still false after {patience_s:g} s."
        time.sleep(min(0.1, 0.02 + waited / 50))
    return value
