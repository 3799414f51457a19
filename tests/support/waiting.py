"""Waiting for something that another thread or process does."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0
"""How long a test waits for an event that must happen. It is no claim about speed."""

T = TypeVar("T")


def until(condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Calls `condition` until its value is true, and returns that value."""
    end = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < end, f"The condition is still false after {patience_s:g} s."
        time.sleep(0.02)
    return value
