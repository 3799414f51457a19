"""Any order of claims, renewals, ends, losses, cancels and retries keeps the job's promises."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imaging.errors import Conflict
from jobs.job import Job, JobState, Options, Progress
from jobs.repository import Held
from jobs.stored_scan import StoredScan
from tests.support.migrated import migrated

ATTEMPTS = 3
WORKERS = st.sampled_from(["one", "two", "three"])
REASON = {"title": "No room left", "status": 507, "detail": "", "hint": ""}


class Life(RuleBasedStateMachine):
    """One job, three workers that hold or believe they hold it, and its project.

    The model: at most one worker holds the job, and only its holder's steps succeed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.repository = migrated(f"sqlite:///{Path(self.folder.name) / 'tessera.db'}")
        grid = ((1.0, 0.0, 0.0, 0.0),) * 4
        self.repository.scans.add(
            StoredScan("s", "a", "0" * 64, "", "nifti", (1, 2, 2, 2), "u1", None, grid, 8, (), 0.0)
        )
        queued = JobState.QUEUED
        self.repository.jobs.add(
            Job("j", "a", {"t1": "s"}, "m", "1", "0" * 64, Options(), 5, "any", queued, 0, 0.0)
        )
        self.claims: dict[str, Job] = {}
        self.holder: str | None = None
        self.state = JobState.QUEUED
        self.attempt = 0
        self.counted = False
        """Whether `attempt` includes the claim that runs."""
        self.masks = 0

    def teardown(self) -> None:
        self.repository.close()
        self.folder.cleanup()

    @rule(worker=WORKERS, lease_s=st.sampled_from([60.0, -1.0]))
    def claim(self, worker: str, lease_s: float) -> None:
        job = self.repository.leases.claim("j", worker, lease_s)
        assert (job is not None) == (self.state is JobState.QUEUED)
        if job is not None:
            self.claims[worker] = job
            self.holder, self.state = worker, JobState.RUNNING
            self.counted = False

    def held(self, worker: str, step: Callable[[Job], bool], state: JobState | None) -> bool:
        """Tries a step of a worker that claimed the job once; it succeeds for the holder alone."""
        done = step(self.claims[worker])
        assert done == (worker == self.holder)
        if done and state is not None:
            self.holder, self.state = None, state
        return done

    def kept(self, change: Callable[[Held], None]) -> Callable[[Job], bool]:
        """The same as a step: it changes nothing for anyone but the holder."""

        def step(job: Job) -> bool:
            repository, one = self.repository, Held("j", job.fence)
            before = repository.jobs.by_id("j")
            change(one)
            is_held = repository.leases.still_held([one]) == {one}
            assert is_held or repository.jobs.by_id("j") == before
            return is_held

        return step

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), counts=st.booleans())
    def begin_or_drain(self, data: st.DataObject, counts: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.claims)))
        leases = self.repository.leases
        uncount = self.kept(lambda one: leases.uncount([one]))
        step = (lambda job: leases.begin("j", job.fence)) if counts else uncount
        if self.held(worker, step, None):
            self.attempt += counts - self.counted
            self.counted = counts

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), tiles=st.integers(0, 5), lease_s=st.sampled_from([60.0, -1.0]))
    def renew(self, data: st.DataObject, tiles: int, lease_s: float) -> None:
        worker = data.draw(st.sampled_from(sorted(self.claims)))
        progress = Progress(tiles, 5)
        leases = self.repository.leases
        renew = self.kept(lambda one: leases.renew({one: progress}, lease_s))
        if self.held(worker, renew, None):
            assert self.repository.jobs.by_id("j").progress == progress

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), end=st.sampled_from(["finish", "fail", "release", "requeue"]))
    def end(self, data: st.DataObject, end: str) -> None:
        worker = data.draw(st.sampled_from(sorted(self.claims)))
        repository, attempt = self.repository, self.attempt + 1 - self.counted
        steps: dict[str, tuple[Callable[[Job], bool], JobState]] = {
            "finish": (self.finish, JobState.SUCCEEDED),
            "fail": (lambda job: repository.leases.fail("j", job.fence, REASON), JobState.FAILED),
            "release": (lambda job: repository.leases.release("j", job.fence), JobState.QUEUED),
            "requeue": (
                lambda job: repository.leases.requeue("j", job.fence, REASON, ATTEMPTS),
                JobState.FAILED if attempt >= ATTEMPTS else JobState.QUEUED,
            ),
        }
        step, state = steps[end]
        if self.held(worker, step, state):
            self.attempt = attempt - (end == "release")
            self.masks += end == "finish"

    def finish(self, job: Job) -> bool:
        return self.repository.leases.finish(
            "j",
            job.fence,
            mask_sha256=job.worker or "",
            mask_format="nifti",
            preview_sha256=None,
            report={},
        )

    @rule()
    def sweep(self) -> None:
        before = self.repository.jobs.by_id("j")
        expired = before.lease_until is not None and before.lease_until < time.time()
        taken = self.repository.lost_jobs.take_back(ATTEMPTS)
        assert len(taken) == expired
        if expired:
            last = self.attempt >= ATTEMPTS
            self.holder, self.state = None, JobState.FAILED if last else JobState.QUEUED

    @rule(ask=st.sampled_from(["cancel", "retry"]))
    def project(self, ask: str) -> None:
        legal = {
            "cancel": (JobState.QUEUED, JobState.RUNNING),
            "retry": (JobState.FAILED, JobState.CANCELLED),
        }[ask]
        try:
            getattr(self.repository.jobs, ask)("a", "j")
        except Conflict:
            assert self.state not in legal
            return
        assert self.state in legal
        self.holder = None
        self.state = JobState.CANCELLED if ask == "cancel" else JobState.QUEUED
        self.attempt = self.attempt if ask == "cancel" else 0

    @invariant()
    def the_row_is_the_models(self) -> None:
        job = self.repository.jobs.by_id("j")
        assert (job.state, job.attempt) == (self.state, self.attempt)
        assert (job.lease_until is not None) == (job.state is JobState.RUNNING)
        assert self.masks == (job.state is JobState.SUCCEEDED) == (job.mask_sha256 is not None)
        assert job.attempt <= ATTEMPTS
        if self.holder is not None:
            assert job.worker == self.holder


Life.TestCase.settings = settings(max_examples=15, stateful_step_count=25)
TestLife = pytest.mark.slow(Life.TestCase)
