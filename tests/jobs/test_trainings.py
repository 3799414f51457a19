"""Every step of a training's life in the database, on SQLite and on PostgreSQL."""

import time
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from imaging.errors import Conflict, NotFound, Part
from jobs.job import TRANSITIONS, JobEvent, JobState
from jobs.repository import Held, Repository
from jobs.training import (
    Training,
    TrainingOptions,
    TrainingPhase,
    TrainingProgress,
    TrainingResult,
    next_version,
)
from tests.support.ways_to_states import WAYS

REASON = {"title": "No room left", "status": 507, "detail": "The disk is full."}
RESULT = TrainingResult("1.1", "c" * 64, 8, 2, {"dice": 0.8, "dice_1": 0.8}, {"dice": 0.9})
MODEL = "d" * 64


def make_training(name: str = "training", **changes: Any) -> Training:
    values: dict[str, Any] = {
        "id": name,
        "project": "ada",
        "model": "hippocampus",
        "model_version": "1",
        "model_sha256": "e" * 64,
        "created_at": 1_000.25,
        "requested_by": "Ada",
    }
    return Training(**values | changes)


def step(repository: Repository, event: JobEvent, fence: int = 1) -> bool:
    """Tries an event on the training; whether it happened."""
    leases = repository.training_leases
    match event:
        case JobEvent.CLAIM:
            return leases.claim_next("w", 60) is not None
        case JobEvent.BEGIN:
            return leases.begin("training", fence)
        case JobEvent.FINISH:
            return leases.finish("training", fence, result=RESULT, model_blob=MODEL)
        case JobEvent.FAIL:
            return leases.fail("training", fence, REASON)
        case JobEvent.REQUEUE:
            return leases.requeue("training", fence, REASON, attempts=3)
        case JobEvent.GIVE_UP:
            return leases.requeue("training", fence, REASON, attempts=1)
        case JobEvent.RELEASE:
            return leases.release("training", fence)
        case JobEvent.CANCEL | JobEvent.RETRY:
            rows = repository.trainings
            request = rows.cancel if event is JobEvent.CANCEL else rows.retry
            try:
                request("ada", "training")
            except Conflict:
                return False
            return True


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_every_pair_in_the_database(
    repository: Repository, state: JobState, event: JobEvent
) -> None:
    """Given a training in each state, when each event is tried, then it goes as the table says."""
    repository.trainings.add(make_training())
    for before in WAYS[state]:
        assert step(repository, before)
    was = repository.trainings.get("ada", "training")
    assert was.state is state

    happened = step(repository, event)

    now = repository.trainings.get("ada", "training")
    assert happened == ((state, event) in TRANSITIONS)
    assert now.state is TRANSITIONS.get((state, event), state)
    if not happened:
        assert now == was
    counted = (JobEvent.BEGIN, JobEvent.FINISH, JobEvent.FAIL, JobEvent.REQUEUE, JobEvent.GIVE_UP)
    if state is JobState.RUNNING and happened:
        assert now.attempt == (event in counted)


def test_a_life_without_trouble(repository: Repository) -> None:
    requested = make_training()
    stored = repository.trainings.add(requested)
    assert stored == replace(requested, options=TrainingOptions(version="2"))
    assert repository.trainings.get("ada", "training") == stored
    claimed = repository.training_leases.claim_next("worker-1", 60)
    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.worker) == ("running", 0, "worker-1")
    assert repository.training_leases.claim_next("worker-2", 60) is None

    held = Held(claimed.id, claimed.fence)
    assert repository.training_leases.begin(*held)
    progress = TrainingProgress(TrainingPhase.TRAINING, 20, 300, 0.4, 95.5, continued_from=0)
    repository.training_leases.renew({held: progress}, 60)
    assert repository.trainings.get("ada", "training").progress == progress
    assert repository.training_leases.still_held([held, Held("training", 7)]) == {held}
    assert repository.training_leases.finish(*held, result=RESULT, model_blob=MODEL)

    done = repository.trainings.get("ada", "training")
    assert (done.state, done.attempt, done.result) == ("succeeded", 1, RESULT)
    assert (done.lease_until, done.model_blob, done.error) == (None, MODEL, None)
    assert repository.references.unused({MODEL, "0" * 64}) == ["0" * 64]
    page, following = repository.trainings.page("ada")
    assert (page, following) == ([done], None)
    assert repository.trainings.page("bob") == ([], None)
    with pytest.raises(NotFound):
        repository.trainings.get("bob", "training")
    with pytest.raises(NotFound):
        repository.trainings.cancel("bob", "training")


def test_one_training_of_a_model_at_a_time(repository: Repository) -> None:
    repository.trainings.add(make_training())
    with pytest.raises(Conflict, match="trained already"):
        repository.trainings.add(make_training("second"))
    repository.trainings.add(make_training("other-model", model="nuclei-2d"))
    repository.trainings.add(make_training("other-project", project="bob"))
    repository.trainings.cancel("ada", "training")
    with pytest.raises(Conflict, match="The training is cancelled"):
        repository.trainings.cancel("ada", "training")
    repository.trainings.add(make_training("second"))


def test_projects_take_turns(repository: Repository) -> None:
    """A project with many trainings does not keep another one waiting."""
    for number in range(3):
        repository.trainings.add(make_training(f"ada-{number}", model=f"model-{number}"))
    repository.trainings.add(make_training("bob-0", project="bob"))
    leases = repository.training_leases

    def claimed() -> str:
        training = leases.claim_next("w", 60)
        assert training is not None
        return training.id

    assert [claimed(), claimed()] == ["ada-0", "bob-0"], "bob has none that runs"
    repository.trainings.add(make_training("bob-1", project="bob", model="model-1"))
    assert claimed() == "ada-1", "each has one that runs, and ada's began first"
    assert [claimed(), claimed()] == ["bob-1", "ada-2"]


@pytest.mark.parametrize(
    ("version", "taken", "following"),
    [
        ("1", (), "2"),
        ("1", ("2", "3"), "4"),
        ("1.4.0", (), "1.4.1"),
        ("v9", (), "v10"),
        ("first", (), "first.1"),
        ("first", ("first.1",), "first.2"),
        ("", (), "2"),
        ("of May", ("2",), "3"),
    ],
)
def test_the_version_of_a_new_model(version: str, taken: tuple[str, ...], following: str) -> None:
    assert next_version(version, taken) == following


def test_no_two_trainings_make_the_same_version(repository: Repository) -> None:
    """Not those of two projects, and not one of a version."""
    repository.trainings.add(make_training(), installed=["1", "2"])
    other = repository.trainings.add(make_training("other", project="bob"), installed=["1", "2"])
    later = repository.trainings.add(make_training("later", model="hippocampus@2"))
    versions = [repository.trainings.get("ada", "training"), other, later]
    assert [one.options.version for one in versions] == ["3", "4", "2"]


def test_a_lost_worker_gives_the_training_back_three_times(repository: Repository) -> None:
    repository.trainings.add(make_training())
    for attempt in (1, 2, 3):
        claimed = repository.training_leases.claim_next("w", 0.0)
        assert claimed is not None
        assert claimed.progress == TrainingProgress()
        assert repository.training_leases.begin("training", claimed.fence)
        begun = {Held("training", claimed.fence): TrainingProgress(TrainingPhase.TRAINING, 5, 9)}
        repository.training_leases.renew(begun, 0.0)
        time.sleep(0.01)
        (lost,) = repository.lost_trainings.take_back(3)
        assert not repository.training_leases.finish(
            "training", claimed.fence, result=RESULT, model_blob=MODEL
        )
        assert lost.attempt == attempt
    assert lost.state is JobState.FAILED
    assert lost.error is not None
    assert "worker" in lost.error["detail"]


def test_an_attempt_that_waits_for_a_part_is_not_counted(repository: Repository) -> None:
    repository.trainings.add(make_training())
    assert step(repository, JobEvent.CLAIM)
    assert repository.training_leases.release("training", 1, Part.STORE)
    waiting = repository.trainings.get("ada", "training")
    assert (waiting.state, waiting.attempt, waiting.waiting_for) == ("queued", 0, Part.STORE)


def test_a_training_that_failed_rests_for_a_lease(repository: Repository) -> None:
    repository.trainings.add(make_training())
    assert step(repository, JobEvent.CLAIM)
    assert step(repository, JobEvent.REQUEUE)
    assert repository.training_leases.claim_next("w", 60) is None
    assert repository.training_leases.claim_next("w", -1) is not None


@pytest.mark.parametrize("after", [0.9, 0.8, 0.7, None])
def test_what_is_not_worse_is_to_be_published(repository: Repository, after: float | None) -> None:
    repository.trainings.add(make_training())
    with pytest.raises(Conflict, match="no new model"):
        repository.trainings.request_publication("ada", "training")
    assert step(repository, JobEvent.CLAIM)
    figures = {} if after is None else {"dice": after}
    result = replace(RESULT, after=figures)
    assert repository.training_leases.finish("training", 1, result=result, model_blob=MODEL)
    due = [training.id for training in repository.trainings.to_be_published()]
    assert due == (["training"] if after in (0.9, 0.8) else [])

    assert repository.trainings.request_publication("ada", "training").publish
    repository.trainings.mark_unpublished("training", REASON)
    assert repository.trainings.to_be_published() == []
    assert repository.trainings.get("ada", "training").publish_error == REASON
    repository.trainings.request_publication("ada", "training")
    repository.trainings.mark_published("training")
    assert repository.trainings.to_be_published() == []
    published = repository.trainings.get("ada", "training")
    assert published.published_at is not None
    assert published.publish_error is None
