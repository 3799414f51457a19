"""Child processes that end when their parent dies."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1
"""prctl(2), Linux: the signal that a child gets when its parent dies."""


def signal_on_parent_death(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets this signal when the parent dies (Linux only).

    For the kernel the parent is the thread that starts the child: start children from the main
    thread.
    """
    return partial(end_with_parent, number, os.getpid())


def end_with_parent(number: signal.Signals, parent: int) -> None:
    """This process gets the signal when its parent dies; ends it if that is no longer `parent`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died before the call
            os._exit(1)
