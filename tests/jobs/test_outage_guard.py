"""The guard in front of a part that may be frozen."""

import threading

import pytest

from imaging.errors import NotFound, StorageFull, Unavailable
from jobs.outage_guard import OutageGuard


def failing(guard: OutageGuard, error: Exception) -> None:
    """A call that fails."""
    with guard.call():
        raise error


def test_one_caller_tries_while_others_fail() -> None:
    guard = OutageGuard()
    guard.timed_out(StorageFull("silent", hint="wait"))
    with guard.call():
        others: list[Unavailable] = []
        thread = threading.Thread(target=lambda: others.append(_refused(guard)))
        thread.start()
        thread.join()
        with guard.call():
            pass  # a call within the trying one
    assert [(type(one), one.detail, one.hint) for one in others] == [
        (StorageFull, "silent", "wait")
    ]
    with guard.call():
        pass


def _refused(guard: OutageGuard) -> Unavailable:
    with pytest.raises(Unavailable) as caught, guard.call():
        pytest.fail("called beside the one that tries")
    return caught.value


@pytest.mark.parametrize(
    ("error", "is_open"), [(Unavailable("silent"), True), (NotFound("none"), False)]
)
def test_any_answer_ends_it(error: Exception, is_open: bool) -> None:
    """Also the answer that something does not exist."""
    guard = OutageGuard()
    guard.timed_out(Unavailable("silent"))
    with pytest.raises(type(error)):
        failing(guard, error)
    refused: list[bool] = []

    def call() -> None:
        try:
            with guard.call():
                refused.append(False)
        except Unavailable:
            refused.append(True)

    with guard.call():
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert refused == [is_open]
