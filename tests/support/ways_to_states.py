"""How a job, or a training, gets into each state."""

from jobs.job import JobEvent, JobState

WAYS: dict[JobState, tuple[JobEvent, ...]] = {
    JobState.QUEUED: (),
    JobState.RUNNING: (JobEvent.CLAIM,),
    JobState.SUCCEEDED: (JobEvent.CLAIM, JobEvent.FINISH),
    JobState.FAILED: (JobEvent.CLAIM, JobEvent.FAIL),
    JobState.CANCELLED: (JobEvent.CLAIM, JobEvent.CANCEL),
}
