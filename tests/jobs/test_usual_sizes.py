"""Labels of unusual size: found in the database as masks are accepted, and by the rule alone."""

import random
from dataclasses import replace
from typing import Any

import pytest

from jobs.job_filter import JobSort
from jobs.repository import Repository
from jobs.review import Review
from jobs.usual_sizes import LEAST, Size, UnusualSize, moved, sizes_of, unusual, usual
from tests.support.finished_rows import add_finished, report_of

LIVER_ML, SPLEEN_ML = 1480.0, 210.0


def mask(liver: float = LIVER_ML, spleen: float = SPLEEN_ML) -> list[Size]:
    return [Size(1, "liver", liver, "ml"), Size(2, "spleen", spleen, "ml")]


def accepted(number: int, seed: int = 1) -> list[list[Size]]:
    """Masks whose sizes vary by about a tenth."""
    chance = random.Random(seed)
    return [
        mask(LIVER_ML * chance.lognormvariate(0, 0.1), SPLEEN_ML * chance.lognormvariate(0, 0.2))
        for _ in range(number)
    ]


def names(sizes: list[Size], known: list[list[Size]]) -> list[str]:
    return [one.name for one in unusual(sizes, usual(known))]


def test_sizes_far_from_the_median_are_unusual() -> None:
    known = accepted(40)
    assert names(mask(), known) == []
    assert names(mask(liver=LIVER_ML * 1.3), known) == []
    assert names(mask(liver=LIVER_ML * 3.4), known) == ["liver"]
    assert names(mask(liver=LIVER_ML / 3), known) == ["liver"]
    assert names(mask(liver=LIVER_ML * 3, spleen=SPLEEN_ML * 90), known) == ["spleen", "liver"]
    (one,) = unusual(mask(liver=5_000.0), usual(known))
    assert one.usual == pytest.approx(LIVER_ML, rel=0.1)
    assert one.ratio == pytest.approx(5_000 / one.usual)
    assert (one.masks, one.unit, one.size) == (40, "ml", 5_000.0)


def test_a_few_wrong_masks_hide_nothing() -> None:
    known = [*accepted(40), *[mask(liver=LIVER_ML * 50)] * 10]
    assert names(mask(liver=LIVER_ML * 3.4), known) == ["liver"]


def test_a_missing_label_is_unusual_where_nearly_all_have_it() -> None:
    assert names(mask(spleen=0), accepted(40)) == ["spleen"]
    often_missing = [*accepted(40), *[mask(spleen=0)] * 10]
    assert names(mask(spleen=0), often_missing) == []


def test_labels_whose_size_varies_much_have_wide_limits() -> None:
    chance = random.Random(3)
    lesions = [[Size(1, "lesion", chance.lognormvariate(1, 1.5), "ml")] for _ in range(60)]
    assert names([Size(1, "lesion", 60.0, "ml")], lesions) == []


def test_equal_sizes_and_too_few_masks() -> None:
    assert names(mask(liver=LIVER_ML * 1.4), [mask()] * LEAST) == []
    assert names(mask(liver=LIVER_ML * 1.6), [mask()] * LEAST) == ["liver"]
    assert names(mask(liver=LIVER_ML * 90), [mask()] * (LEAST - 1)) == []
    assert names([], []) == []
    pixels = [Size(1, "liver", 9e9, "px"), Size(7, "new", 1.0, "ml")]
    assert names(pixels, [mask()] * LEAST) == [], "another unit, and a label that nobody accepted"


def test_small_changes_of_the_figures_do_not_matter() -> None:
    known = accepted(60)
    assert not moved(usual(known), usual(known[1:]))
    assert moved(usual(known), usual([mask(liver=2 * LIVER_ML)] * 60))
    assert moved({}, usual(known))
    assert not moved({}, {})


@pytest.mark.parametrize(
    "stored", [None, {}, "x", [1], [[1, "a", "x", "ml"]], [[1, "a", "nan", "ml"]], [[1, "a"]]]
)
def test_sizes_that_cannot_be_used_are_left_out(stored: Any) -> None:
    assert sizes_of(stored) == []
    assert sizes_of([[1, None, "2.5", "ml"]]) == [Size(1, "label 1", 2.5, "ml")]


def judge(repository: Repository, name: str, verdict: str) -> Review:
    review = Review(f"{verdict}-{name}", name, verdict, "", "Ada", 1.0)
    return repository.reviews.add("ada", review)


def checked(repository: Repository) -> int:
    """Compares all masks that are due; returns how many there were."""
    total = 0
    while number := repository.usual_sizes.check():
        total += number
    return total


def found(repository: Repository, name: str) -> tuple[UnusualSize, ...]:
    return repository.worklist.listed([name])[name].unusual_sizes


def test_masks_are_compared_as_others_are_accepted(stocked: Repository) -> None:
    """One that was made before enough masks were accepted is found once they are."""
    add_finished(stocked, "early", report_of(liver=5_032.0, spleen=210.0))
    add_finished(stocked, "other", report_of(liver=5_032.0), model_version="2")
    assert checked(stocked) == 2
    chance = random.Random(5)
    for n in range(LEAST):
        report = report_of(liver=chance.gauss(1_480, 50), spleen=chance.gauss(210, 20))
        add_finished(stocked, f"usual{n}", report)
        judge(stocked, f"usual{n}", "accepted")
    before = stocked.jobs.revisions(["early"])
    assert checked(stocked) >= LEAST
    (liver,) = found(stocked, "early")
    assert (liver.label, liver.name, liver.masks) == (1, "liver", LEAST)
    assert liver.ratio == pytest.approx(3.4, abs=0.2)
    assert stocked.jobs.revisions(["early"]) != before, "a followed job is read again"
    assert found(stocked, "other") == (), "another version of the model"
    assert found(stocked, "usual3") == ()
    assert checked(stocked) == 0

    add_finished(stocked, "late", report_of(liver=400.0, spleen=0.0) | {"warnings": ["Odd."]})
    assert checked(stocked) == 1
    assert [one.name for one in found(stocked, "late")] == ["spleen", "liver"]
    listed, _ = stocked.worklist.page("ada", sort=JobSort.SUSPICION, limit=2)
    assert [job.id for job in listed] == ["late", "early"]


def test_without_enough_accepted_masks_nothing_is_unusual(stocked: Repository) -> None:
    """Also when verdicts that made it so are withdrawn or replaced."""
    for n in range(LEAST):
        add_finished(stocked, f"usual{n}", report_of(liver=1_480.0 + n))
        judge(stocked, f"usual{n}", "accepted")
    add_finished(stocked, "large", report_of(liver=9_000.0))
    checked(stocked)
    assert len(found(stocked, "large")) == 1
    judge(stocked, "usual0", "rejected")
    checked(stocked)
    assert found(stocked, "large") == ()
    stocked.scans.delete("ada", "scan")
    assert checked(stocked) == 0


def test_any_report_can_be_stored(stocked: Repository) -> None:
    odd = [None, {}, {"labels": None}, {"labels": "x"}, {"labels": [3, {"value": 1}]}]
    for n, measurements in enumerate(odd):
        add_finished(stocked, f"job{n}", {"measurements": measurements, "doubts": 3})
    assert checked(stocked) == len(odd)
    listed = stocked.worklist.listed([f"job{n}" for n in range(len(odd))])
    assert {one.doubts for one in listed.values()} == {0}


def test_the_unit_is_that_of_the_report(stocked: Repository) -> None:
    flat = {"value": 1, "name": "cell", "voxels": 9, "volume_ml": None, "area_px": 9}
    for n in range(LEAST):
        labels = [flat | {"area_mm2": 2.0 + n / 100}]
        add_finished(stocked, f"usual{n}", {"measurements": {"labels": labels}})
        judge(stocked, f"usual{n}", "accepted")
    large = {"measurements": {"labels": [flat | {"area_mm2": 8.0}]}}
    add_finished(stocked, "large", large)
    checked(stocked)
    assert [one.unit for one in found(stocked, "large")] == ["mm2"]
    assert replace(found(stocked, "large")[0], size=4.0).ratio == pytest.approx(1.9, abs=0.1)


def unsure(share: float | None, liver_ml: float = 1_480.0) -> dict[str, Any]:
    """A report of a liver of which the network is not sure in this share."""
    report = report_of(liver=liver_ml)
    report["measurements"]["labels"][0]["unsure_share"] = share
    return report


def test_a_network_that_is_less_sure_than_usual(stocked: Repository) -> None:
    """Beside the size of the same label. One that is surer than usual is no reason to look."""
    for n in range(LEAST):
        add_finished(stocked, f"usual{n}", unsure(0.035 + n / 5000, 1_480.0 + n))
        judge(stocked, f"usual{n}", "accepted")
    shares = {"unsure": 0.12, "sure": 0.002, "all": 0.0, "unknown": None}
    for name, share in shares.items():
        add_finished(stocked, name, unsure(share))
    add_finished(stocked, "both", unsure(0.3, 9_000.0))
    add_finished(stocked, "earlier", report_of(liver=1_480.0))
    checked(stocked)
    (one,) = found(stocked, "unsure")
    assert (one.label, one.name, one.unit, one.size) == (1, "liver", "share", 0.12)
    assert one.usual == pytest.approx(0.037, abs=0.002)
    assert one.masks == LEAST
    assert {one.unit for one in found(stocked, "both")} == {"ml", "share"}
    for name in ("sure", "all", "unknown", "earlier", "usual3"):
        assert found(stocked, name) == (), name
    listed, _ = stocked.worklist.page("ada", sort=JobSort.SUSPICION, limit=2)
    assert [job.id for job in listed] == ["both", "unsure"]
