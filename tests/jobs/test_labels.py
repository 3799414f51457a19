"""Names of images, sessions and corrected masks: one contract for SQLite and PostgreSQL."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imaging.errors import BadRequest, Conflict, Forbidden, NotFound
from jobs.image_name import ImageName
from jobs.job import Job, Progress
from jobs.repository import Held, Repository
from jobs.repository.client_info import MOST_BYTES
from jobs.review import Review
from jobs.stored_scan import StoredScan
from tests.support.earlier_schema import SCAN_AND_JOB, go_back

Make = Callable[..., Job]
MakeScan = Callable[..., StoredScan]
MASK, DRAWN = "d" * 64, "e" * 64


def review(name: str, job: str | None = "job", **changes: Any) -> Review:
    values = {"verdict": "corrected", "comment": "", "reviewer": "R1", "created_at": 1.0}
    return Review(id=name, job=job, **{**values, **changes})


def drawn(name: str, job: str | None = "job", **changes: Any) -> Review:
    given = {"mask_sha256": DRAWN, "mask_format": "nifti", "scan": "scan", "tag": "final"}
    return review(name, job, **{**given, **changes})


def done(repository: Repository, job: Job) -> Job:
    repository.jobs.add(job)
    claimed = repository.leases.claim(job.id, "w", 60)
    assert claimed is not None
    repository.leases.renew({Held(job.id, claimed.fence): Progress(1, 1)}, 60)
    assert repository.leases.finish(
        job.id,
        claimed.fence,
        mask_sha256=MASK,
        mask_format="nifti",
        preview_sha256=None,
        report={},
    )
    return repository.jobs.by_id(job.id)


def named(name: str, scan: str = "scan", project: str = "ada", **changes: Any) -> ImageName:
    return ImageName(project, name, scan, 1.0, time.time(), **changes)


def test_a_scan_by_id_name_series_and_file(repository: Repository, scan_of: MakeScan) -> None:
    one, two, three, four = (
        replace(scan_of(id_, sha256=str(n) * 64), name=name, series=series)
        for n, (id_, name, series) in enumerate(
            (
                ("one", "head.nii.gz", "1.2.3"),
                ("two", "head.v2.nii", "1.2.3"),
                ("three", "10%_off.nii", None),
                ("four", "9.9.9.nii", None),
            )
        )
    )
    for scan in (one, two, three, four):
        repository.scans.add(scan)
    repository.image_names.add(named("first", "one"))
    repository.image_names.add(named("first", "one"))
    assert repository.image_names.find("ada", "one") == one
    assert repository.image_names.find("ada", "first") == one
    assert repository.image_names.find("ada", "1.2.3") == one, "no later copy"
    assert repository.scans.series_count(one) == 2
    small, large = (
        replace(scan_of(name, sha256=name[0] * 64), name=name, series="1.2.4", shape=shape)
        for name, shape in (("scout", (1, 9, 9, 1)), ("whole", (1, 9, 9, 9)))
    )
    for scan in (small, large):
        repository.scans.add(scan)
    assert repository.image_names.find("ada", "1.2.4") == large, "and no localizer"
    repository.image_names.add(named("1.2.3", "three"))
    assert repository.image_names.find("ada", "1.2.3") == one, "a name is no series"
    assert repository.image_names.find("ada", "head.nii.gz") == one
    assert repository.image_names.find("ada", "head.v2") == two
    assert repository.image_names.find("ada", "10%_off") == three
    with pytest.raises(Conflict):
        repository.image_names.find("ada", "head")
    with pytest.raises(Conflict):
        repository.image_names.add(named("first", "two"))
    for project, name in (
        ("bob", "first"),
        ("ada", "none"),
        ("ada", ""),
        ("ada", "%"),
        ("ada", "9.9.9"),
        ("bob", "1.2.3"),
    ):
        with pytest.raises(NotFound):
            repository.image_names.find(project, name)
    assert repository.image_names.of_scans(["one", "two"]) == {"one": "first"}
    repository.scans.delete("ada", "one")
    repository.image_names.add(named("first", "two"))
    assert repository.image_names.find("ada", "first") == two


def test_sessions(repository: Repository, scan_of: MakeScan) -> None:
    repository.scans.add(scan_of())
    repository.image_names.add(named("lives", expiry_s=60.0))
    over = replace(named("over", expiry_s=5.0), used_at=time.time() - 6)
    repository.image_names.add(over)
    assert repository.sessions.use("ada", "lives").scan == "scan"
    assert repository.image_names.find("ada", "lives").id == "scan"
    for project, name in (("ada", "over"), ("bob", "lives"), ("ada", "none")):
        with pytest.raises(NotFound):
            repository.sessions.use(project, name)
    with pytest.raises(NotFound):
        repository.image_names.find("ada", "over")
    assert repository.sessions.expired() == [over]
    repository.image_names.delete("ada", "over")
    assert repository.sessions.expired() == []
    assert repository.image_names.of_scans(["scan"]) == {}, "a session is no name for others"


def test_a_corrected_mask_is_kept_until_its_scan_goes(stocked: Repository, job_of: Make) -> None:
    done(stocked, job_of())
    kept = stocked.reviews.add("ada", drawn("one", scan=None))
    assert kept.scan == "scan", "the grid is that of the job's first scan"
    assert stocked.jobs.get("ada", "job").verdict == "corrected"
    assert stocked.reviews.with_mask("ada", "job", "one") == kept
    assert stocked.references.unused([DRAWN, MASK]) == []
    assert stocked.jobs.succeeded_on("ada", "scan") == [stocked.jobs.get("ada", "job")]
    assert stocked.jobs.mask_formats(["scan", "none"]) == {"scan": "nifti"}
    for project, job, name in (
        ("bob", "job", "one"),
        ("ada", "job", "none"),
        ("ada", "none", "one"),
    ):
        with pytest.raises(NotFound):
            stocked.reviews.with_mask(project, job, name)
    gone = stocked.scans.delete("ada", "scan")
    assert {DRAWN, MASK} <= set(gone)


def test_a_mask_drawn_by_hand_goes_with_its_scan(stocked: Repository) -> None:
    stocked.reviews.add("ada", drawn("one", None))
    for project, scan in (("bob", "scan"), ("ada", "none")):
        with pytest.raises(NotFound):
            stocked.reviews.add(project, drawn("two", None, scan=scan))
    assert stocked.labels.get("ada", "scan", "final").id == "one"
    assert DRAWN in stocked.scans.delete("ada", "scan")


def test_the_newest_of_each_tag(stocked: Repository, job_of: Make) -> None:
    done(stocked, job_of())
    for name, tag in (("a", "final"), ("b", "draft"), ("c", "final")):
        stocked.reviews.add("ada", drawn(name, tag=tag, info={"n": name}))
    stocked.reviews.add("ada", review("d", verdict="accepted"))
    assert [label.id for label in stocked.labels.newest(["scan"])] == ["b", "c"]
    assert stocked.labels.get("ada", "scan", "final").info == {"n": "c"}
    stocked.labels.add_info("ada", "scan", "final", {"m": 1})
    assert stocked.labels.get("ada", "scan", "final").info == {"n": "c", "m": 1}
    for project, tag in (("bob", "final"), ("ada", "none")):
        with pytest.raises(NotFound):
            stocked.labels.get(project, "scan", tag)
        with pytest.raises(NotFound):
            stocked.labels.delete(project, "scan", tag)
    counted = stocked.labels.counts("ada")
    assert (counted.total, counted.completed) == (1, 1)
    assert counted.tags == {"final": 1, "draft": 1}
    assert stocked.labels.delete("ada", "scan", "final") == [], "the draft has the same content"
    assert stocked.labels.delete("ada", "scan", "draft") == [DRAWN]
    assert stocked.jobs.get("ada", "job").verdict == "accepted"
    assert [one.id for one in stocked.reviews.of_job("ada", "job")] == ["d"]


def test_a_reader_changes_only_labels_of_the_own_name(stocked: Repository, job_of: Make) -> None:
    done(stocked, job_of())
    for name, reader in (("a", "R1"), ("b", "R2")):
        stocked.reviews.add("ada", drawn(name, reviewer=reader))
    with pytest.raises(Forbidden):
        stocked.labels.add_info("ada", "scan", "final", {"n": 1}, "R1")
    stocked.labels.add_info("ada", "scan", "final", {"n": 2}, "r2")
    assert stocked.labels.get("ada", "scan", "final").info == {"n": 2}
    with pytest.raises(Forbidden):
        stocked.labels.delete("ada", "scan", "final", "R3")
    assert stocked.labels.delete("ada", "scan", "final", "r1") == [], "R2 has the same content"
    assert [one.id for one in stocked.reviews.of_job("ada", "job")] == ["b"]


def test_what_is_next(repository: Repository, scan_of: MakeScan) -> None:
    for n in range(3):
        repository.scans.add(scan_of(f"scan{n}", sha256=str(n) * 64))
    repository.scans.add(scan_of("other", project="bob", sha256="0" * 64))
    repository.reviews.add("ada", drawn("one", None, scan="scan0"))
    repository.reviews.add("ada", drawn("two", None, scan="scan1", tag="draft"))
    first = repository.labels.next_scan("ada", at_random=False)
    assert first is not None
    assert first.id == "scan1"
    found = {repository.labels.next_scan("ada", at_random=True) for _ in range(40)}
    assert {scan.id for scan in found if scan} == {"scan1", "scan2"}
    for scan in ("scan1", "scan2"):
        repository.reviews.add("ada", drawn(f"of-{scan}", None, scan=scan))
    assert repository.labels.next_scan("ada", at_random=True) is None


def test_notes_of_an_image(stocked: Repository) -> None:
    assert stocked.scans.info("ada", "scan") == {}
    stocked.scans.add_info("ada", "scan", {"a": [1], "b": 1})
    stocked.scans.add_info("ada", "scan", {"b": 2})
    assert stocked.scans.info("ada", "scan") == {"a": [1], "b": 2}, "others' members stay"
    with pytest.raises(BadRequest):
        stocked.scans.add_info("ada", "scan", {"c": "x" * MOST_BYTES})
    with pytest.raises(NotFound):
        stocked.scans.add_info("bob", "scan", {})
    with pytest.raises(NotFound):
        stocked.scans.info("ada", "none")


def test_earlier_reviews_survive_the_migration(repository: Repository) -> None:
    """Down to the first version and up again: what readers said of jobs is all there."""
    add = """INSERT INTO reviews (id, job, verdict, comment, reviewer, created_at)
        VALUES ('r', 'j', 'accepted', 'c', 'w', 1)"""
    go_back(repository, "0001_project", (*SCAN_AND_JOB, add))
    repository.migrate()
    (kept,) = repository.reviews.of_job("ada", "j")
    assert (kept.id, kept.comment, kept.mask_sha256, kept.scan) == ("r", "c", None, None)
    repository.reviews.add("ada", Review("new", "j", "rejected", "", "", 2.0))
    assert [one.id for one in repository.reviews.of_job("ada", "j")] == ["r", "new"]
