"""Second readings of jobs in a repository, compared as the gateway compares them."""

from jobs.repository import Repository
from jobs.review import Review
from jobs.second_reading import Agreement, PairOverlap, ReadingOptions

DRAWN = {"mask_sha256": "c" * 64, "mask_format": "nifti", "tag": "final"}


def put_up(repository: Repository, job: str, **options: object) -> None:
    wanted = ReadingOptions(**options)  # type: ignore[arg-type]
    assert repository.readings.request("ada", [job], wanted, "chief", 1000.0) == [job]


def review_of(name: str, reader: str, verdict: str = "accepted", **changes: object) -> Review:
    values = {"job": "job", "comment": "", "created_at": 1000.0, "reviewer": reader}
    return Review(id=name, verdict=verdict, **values | changes)  # type: ignore[arg-type]


def judge(
    repository: Repository, review: Review, seen: str | None = None, mask_of: str | None = None
) -> Review:
    """Adds a review, and compares the readings as the gateway does."""
    added = repository.reviews.add("ada", review, seen, mask_of)
    conclude(repository, str(review.job))
    return added


def conclude(repository: Repository, job: str) -> None:
    full = repository.readings.to_compare("ada", job)
    if full is not None:
        verdicts = tuple(one.verdict for one in full.reviews)
        agreement = Agreement(
            tuple(one.id for one in full.reviews),
            tuple(one.reviewer for one in full.reviews),
            verdicts,
            (),
            (PairOverlap(0, 1, 0.5, {"1": 0.5}),),
            agree=len(set(verdicts)) == 1,
        )
        assert repository.readings.conclude("ada", job, agreement) is not None


def ids(repository: Repository, reader: str | None = "", job: str = "job") -> list[str]:
    return [one.id for one in repository.reviews.of_job("ada", job, reader)]


def listed(repository: Repository, job: str = "job") -> tuple[object, ...]:
    """Verdict of the job, and reviewer, state and number of readings in the worklist."""
    row = repository.worklist.listed([job])[job]
    verdict = repository.jobs.get("ada", job).verdict
    return verdict, row.reviewer, row.reading, row.readings_given
