"""Children that do not outlive who started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
"""prctl(2), Linux: a signal to the child when its parent dies."""


def ends_with_parent(by: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: should this process be killed, its child gets the signal `by` (Linux).

    The kernel means the thread that starts the child, so start children from the main thread.
    """
    parent = os.getpid()

    def arrange() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
            if os.getppid() != parent:  # it died before that
                os._exit(1)

    return arrange
