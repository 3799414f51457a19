"""Which masks a data set takes: those whose verdict stands, of one project, with the review that
decided."""

import pytest

from jobs.repository import Repository, judged_jobs
from tests.support.finished_rows import add_finished
from tests.support.second_readings import DRAWN, judge, put_up, review_of


def found(repository: Repository, *models: str, project: str = "ada") -> dict[str, str]:
    """Job -> the review that decided."""
    rows = repository.judged_jobs.of_models(project, models or ("nuclei-2d",))
    return {row.job.id: row.review.id for row in rows}


def test_only_verdicts_that_stand_count(
    stocked: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged_jobs, "_PAGE", 2)
    for name in ("accepted", "rejected", "withdrawn", "open", "corrected", "unjudged"):
        add_finished(stocked, name)
    add = stocked.reviews.add
    add("ada", review_of("1", "A", job="accepted"))
    add("ada", review_of("2", "A", job="rejected"))
    add("ada", review_of("3", "B", "rejected", job="rejected"))
    add("ada", review_of("4", "A", job="withdrawn"))
    stocked.reviews.withdraw("ada", "withdrawn", "4", "A", 1001.0)
    put_up(stocked, "open")
    judge(stocked, review_of("5", "A", job="open"))
    add("ada", review_of("6", "A", "rejected", job="corrected"))
    add("ada", review_of("7", "B", "corrected", job="corrected", **DRAWN))
    assert found(stocked) == {"accepted": "1", "corrected": "7"}
    assert found(stocked, "another") == found(stocked, project="ben") == {}
    (first, _) = stocked.judged_jobs.of_models("ada", ["nuclei-2d"])
    assert [scan.id for scan in first.scans] == list(first.job.scans.values())


def test_a_second_reading_says_which_mask_is_right(stocked: Repository) -> None:
    add_finished(stocked, "job")
    put_up(stocked, "job")
    judge(stocked, review_of("a", "A", "corrected", **DRAWN))
    assert found(stocked) == {}
    judge(stocked, review_of("b", "B", "corrected", **DRAWN))
    assert found(stocked) == {"job": "b"}
    judge(stocked, review_of("late", "C", "rejected"))  # surplus: it changes nothing
    assert found(stocked) == {"job": "b"}
