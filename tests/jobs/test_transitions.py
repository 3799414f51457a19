"""Every (state, event) pair: the legal ones lead where the table says, all others are refused."""

from itertools import product

import pytest

from imaging.errors import Conflict
from jobs.job import TRANSITIONS, JobEvent, JobState, after, sources

EXPECTED = {
    ("queued", "claim"): "running",
    ("queued", "cancel"): "cancelled",
    ("running", "begin"): "running",
    ("running", "finish"): "succeeded",
    ("running", "fail"): "failed",
    ("running", "cancel"): "cancelled",
    ("running", "requeue"): "queued",
    ("running", "give_up"): "failed",
    ("running", "release"): "queued",
    ("failed", "retry"): "queued",
    ("cancelled", "retry"): "queued",
}


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_every_pair(state: JobState, event: JobEvent) -> None:
    following = EXPECTED.get((state.value, event.value))
    if following is None:
        with pytest.raises(Conflict, match=state.value):
            after(state, event)
        assert state not in sources(event)
    else:
        assert after(state, event) == following
        assert state in sources(event)


def test_table_holds_nothing_else() -> None:
    assert {(s.value, e.value): t.value for (s, e), t in TRANSITIONS.items()} == EXPECTED


@pytest.mark.parametrize("event", list(JobEvent))
def test_an_event_leads_to_one_state(event: JobEvent) -> None:
    """What the compare-and-set of the repository builds on."""
    assert len({after(state, event) for state in sources(event)}) == 1
