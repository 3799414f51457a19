"""Lets the callers of a part that does not answer fail at once, except one that tries it."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from threading import RLock

from imaging.errors import Unavailable


class OutageGuard:
    """Guards the calls to one part, such as the database; safe to use from many threads.

    A part that is frozen holds each caller until its time-out, and soon holds every thread of the
    process. Here this happens once: after a time-out one caller at a time tries the part, and the
    others get the error of the time-out, until a try succeeds.
    """

    def __init__(self) -> None:
        self._failure: Unavailable | None = None
        self._trying = RLock()  # a call may be made within a call

    @contextmanager
    def call(self) -> Iterator[None]:
        """Surrounds a call; raises Unavailable at once while another caller tries the part."""
        failure = self._failure
        if failure is None:
            yield
            return
        if not self._trying.acquire(blocking=False):
            raise copy(failure)
        try:
            yield
        except Unavailable:
            raise
        except BaseException:
            self._failure = None  # the part did answer
            raise
        else:
            self._failure = None
        finally:
            self._trying.release()

    def timed_out(self, failure: Unavailable) -> None:
        """The part did not answer in time."""
        self._failure = failure
