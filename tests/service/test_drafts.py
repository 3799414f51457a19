"""Drafts of corrections over HTTP: begun, changed, read, saved, and refused."""

import gzip
from itertools import count
from typing import Any

import httpx
import numpy as np
import pytest

from imaging.voxel_runs import RUN_BYTES
from jobs.repository.schema.review_tables import draft_changes, drafts
from tests.support.answers import check_problem
from tests.support.corrections import Corrector, answered, pack, unpack
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SHAPE = (5, 6, 7)
VOXELS = 5 * 6 * 7
SEEDS = count(7000)


@pytest.fixture
def job(gateway: Gateway) -> str:
    return finished(gateway)


@pytest.fixture
def ann(gateway: Gateway, job: str) -> Corrector:
    return Corrector(gateway, job)


def finished(gateway: Gateway, **measurements: Any) -> str:
    """A job whose mask has the label 1 in its first plane."""
    scan = gateway.scan(nifti_bytes(SHAPE, seed=next(SEEDS)))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    mask = np.zeros(SHAPE, np.uint8)
    mask[..., 0] = 1
    run_job(gateway, job, mask, **measurements)
    return job


def check_conflict(answer: httpx.Response, kind: str) -> dict[str, object]:
    problem = check_problem(answer, 409)
    assert problem["type"] == f"urn:tessera:{kind}"
    return problem


def test_a_draft_is_begun_changed_and_read_again(ann: Corrector) -> None:
    check_problem(ann.get(), 404)
    begun = ann.begin()
    names = ("reader", "base", "changes", "seconds", "job")
    job = ann.path.split("/")[3]
    assert [begun[name] for name in names] == ["Ann", None, 0, 0.0, job]
    assert ann.changes() == []
    first, second = [[0, 3, 0], [40, 1, 1]], [[7, 2, 1]]
    assert answered(ann.append(begun["id"], 1, first))["changes"] == 1
    changed = answered(ann.append(begun["id"], 2, second, seconds=2.25))
    assert (changed["changes"], changed["seconds"]) == (2, 3.75)
    assert ann.changes() == first + second
    assert ann.get().json() == changed
    again = ann.begin(base="none")  # the reader has a draft: its base stays
    assert again | {"updated_at": ""} == changed | {"updated_at": ""}
    assert again["updated_at"] >= changed["updated_at"]


def test_the_last_set_may_be_sent_again_and_no_other(ann: Corrector) -> None:
    """A lost response costs nothing, and of two pages only one goes on."""
    draft = ann.begin()["id"]
    check_conflict(ann.append(draft, 2, [[0, 1, 0]]), "draft-changed")
    runs = np.array([0, 1, 0], "<u4").tobytes()
    for when in (1, 2):  # packed once more, with another time in its header
        changed = answered(ann.send(draft, 1, gzip.compress(runs, mtime=when), seconds=1.5))
        assert (changed["changes"], changed["seconds"]) == (1, 1.5)
    other = check_conflict(ann.append(draft, 1, [[1, 1, 0]]), "draft-changed")
    assert "last set of changes of the draft is 1, not 0" in str(other["detail"])
    answered(ann.append(draft, 2, [[1, 1, 0]]))
    check_conflict(ann.append(draft, 1, [[0, 1, 0]]), "draft-changed")
    assert ann.changes() == [[0, 1, 0], [1, 1, 0]]


def test_a_draft_is_given_up_and_begun_anew(gateway: Gateway, ann: Corrector) -> None:
    """A page that knows the old one changes nothing of the new one."""
    old = ann.begin()["id"]
    answered(ann.append(old, 1, [[0, 1, 0]]))
    mine = {"reader": "Ann"}
    stale = {**mine, "draft": "other"}
    check_conflict(gateway.client.delete(ann.path, params=stale), "draft-changed")
    assert gateway.client.delete(ann.path, params={**mine, "draft": old}).status_code == 204
    check_problem(ann.append(old, 2, [[1, 1, 0]]), 404)
    check_problem(gateway.client.delete(ann.path, params=mine), 404)
    new = ann.begin()
    assert new["id"] != old
    assert new["changes"] == 0
    check_conflict(ann.append(old, 1, [[0, 1, 0]]), "draft-changed")
    check_conflict(ann.save(old, 1), "draft-changed")
    changes = gateway.client.get(f"{ann.path}/changes", params={**mine, "draft": old})
    check_conflict(changes, "draft-changed")
    assert ann.changes() == []


def test_a_saved_draft_is_a_review(gateway: Gateway, ann: Corrector) -> None:
    begun = ann.begin()
    answered(ann.append(begun["id"], 1, [[0, 4, 0], [VOXELS - 1, 1, 1]]))
    answered(ann.append(begun["id"], 2, [[3, 1, 1]]))
    check_conflict(ann.save(begun["id"], 1), "draft-changed")
    review = answered(ann.save(begun["id"], 2, comment="The tail."), 201)
    assert review["id"] == begun["id"]
    expected: dict[str, Any] = {
        "verdict": "corrected",
        "reviewer": "Ann",
        "comment": "The tail.",
        "base": None,
    }
    expected |= {"seconds": 3.0, "changes": [{"label": 1, "added": 1, "removed": 3}]}
    assert {name: review[name] for name in expected} == expected
    assert gateway.client.get(ann.reviews).json() == [review]
    listed = gateway.client.get(ann.path.removesuffix("/draft")).json()
    assert (listed["verdict"], listed["review"]) == ("corrected", review["id"])
    check_problem(ann.get(), 404)
    check_problem(ann.append(begun["id"], 3, [[0, 1, 0]]), 404)
    assert answered(ann.save(begun["id"], 2), 201) == review, "its response was lost"
    check_problem(Corrector(gateway, review["job"], "Bob").save(begun["id"], 2), 404)
    with gateway.repository() as repository, repository.database.read() as connection:
        for table, column in ((drafts, drafts.c.id), (draft_changes, draft_changes.c.draft)):
            assert not connection.execute(table.select().where(column == begun["id"])).all()


def test_a_correction_begins_with_a_corrected_mask(gateway: Gateway, ann: Corrector) -> None:
    """Each version stays: the model's, and each that readers made of it or of one another."""
    job = ann.path.removesuffix("/draft")
    own = gateway.client.get(f"{job}/mask").content
    first = ann.corrected([[0, 4, 0]])
    early = gateway.client.get(f"{ann.reviews}/{first['id']}/mask").content
    bob = Corrector(gateway, first["job"], "Bob")
    check_problem(bob.client.put(bob.path, json={"reader": "Bob", "base": "none"}), 404)
    second = bob.corrected([[4, 1, 0], [0, 1, 1]], base=first["id"])
    assert second["base"] == first["id"]
    assert second["changes"] == [{"label": 1, "added": 1, "removed": 1}]
    assert gateway.client.get(f"{job}/mask").content == own
    assert gateway.client.get(f"{ann.reviews}/{first['id']}/mask").content == early
    report = gateway.client.get(f"{ann.reviews}/{second['id']}/report").json()
    assert report["measurements"]["labels"][0]["voxels"] == 30 - 4 + 1 - 1


def test_a_newer_review_is_seen_first(ann: Corrector, gateway: Gateway) -> None:
    """The draft is kept, and saved when its reader knows the other review."""
    draft = ann.begin()["id"]
    answered(ann.append(draft, 1, [[0, 1, 0]]))
    other = gateway.client.post(ann.reviews, json={"verdict": "rejected", "reviewer": "Bob"}).json()
    check_conflict(ann.save(draft, 1, seen=""), "newer-review")
    assert answered(ann.get())["changes"] == 1
    assert answered(ann.save(draft, 1, seen=other["id"]), 201)["verdict"] == "corrected"


@pytest.mark.parametrize("runs", [[], [[0, 4, 1]], [[0, 4, 0], [0, 4, 1]]])
def test_a_draft_without_a_difference_is_not_saved(ann: Corrector, runs: Any) -> None:
    draft = ann.begin()["id"]
    answered(ann.append(draft, 1, runs))
    problem = check_problem(ann.save(draft, 1), 422)
    assert "changes no voxel" in str(problem["detail"])
    assert answered(ann.get())["id"] == draft


def test_another_reader_sees_nothing_of_a_draft(gateway: Gateway, ann: Corrector) -> None:
    draft = ann.begin()["id"]
    answered(ann.append(draft, 1, [[0, 1, 0]]))
    bob, nobody = (Corrector(gateway, ann.path.split("/")[3], name) for name in ("Bob", ""))
    for other in (bob, nobody):
        check_problem(other.get(), 404)
        check_problem(other.append(draft, 2, [[1, 1, 0]]), 404)
        check_problem(other.save(draft, 1), 404)
        query = {"reader": other.reader, "draft": draft}
        check_problem(gateway.client.get(f"{ann.path}/changes", params=query), 404)
        check_problem(gateway.client.delete(ann.path, params=query), 404)
        assert other.begin()["id"] != draft
    same = Corrector(gateway, ann.path.split("/")[3], " ANN ")
    assert same.begin()["id"] == draft, "the same name in another spelling"
    assert ann.changes() == [[0, 1, 0]]


def test_sets_that_are_refused_change_nothing(ann: Corrector) -> None:
    draft = ann.begin()["id"]
    for body in (
        b"",
        b"not gzip",
        pack([[0, 1, 0]])[:-1],
        gzip.compress(b"x" * (RUN_BYTES + 1)),
        pack([[0, 1, 2]]),
        pack([[0, 0, 1]]),
        pack([[VOXELS, 1, 1]]),
        pack([[VOXELS - 1, 2, 1]]),
        pack([[0, 0xFFFFFFFF, 1]]),
    ):
        check_problem(ann.send(draft, 1, body), 422)
    bomb = gzip.compress(np.array([0, 1, 1], "<u4").tobytes() * ((1 << 22) + 1))
    assert len(bomb) < 200_000
    check_problem(ann.send(draft, 1, bomb), 413)
    check_problem(ann.send(draft, 1, bytes((16 << 20) + 1)), 413)
    for seconds in (-1, "nan", "inf", 1e6, "x"):
        check_problem(ann.send(draft, 1, pack([]), seconds=seconds), 422)
    check_problem(ann.send("a b", 1, pack([])), 422)
    for number in ("0", "-1", "100001", "x"):
        check_problem(ann.send(draft, number, pack([])), 422)  # type: ignore[arg-type]
    assert answered(ann.get())["changes"] == 0
    assert answered(ann.append(draft, 1, [[VOXELS - 1, 1, 1]]))["changes"] == 1


def test_a_draft_has_limits(gateway: Gateway, ann: Corrector) -> None:
    draft = ann.begin()["id"]
    for column, most, what in (
        ("bytes", 1 << 28, "bytes"),
        ("runs", 1 << 25, "runs"),
        ("painted", 1 << 32, "changed voxels"),
        ("changes", 100_000, "sets"),
    ):
        with gateway.repository() as repository, repository.database.write() as connection:
            this = drafts.update().where(drafts.c.id == draft)
            connection.execute(this.values(bytes=0, runs=0, painted=0, changes=0))
            connection.execute(this.values({column: most}))
        number = 100_001 if column == "changes" else 1
        refused = ann.append(draft, number, [[0, 1, 0]])
        problem = check_problem(refused, 422 if column == "changes" else 413)
        assert column == "changes" or what in str(problem["detail"])


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "corrected"},
        {"verdict": "corrected", "draft": "a"},
        {"verdict": "corrected", "draft_changes": 1},
        {"verdict": "accepted", "draft": "a", "draft_changes": 1},
        {"verdict": "corrected", "draft": "a", "draft_changes": -1},
        {
            "verdict": "corrected",
            "draft": "a",
            "draft_changes": 1,
            "mask_of": "b",
            "adjudicates": True,
        },
    ],
)
def test_reviews_that_contradict_themselves(ann: Corrector, body: dict[str, Any]) -> None:
    check_problem(ann.client.post(ann.reviews, json=body), 422)


def test_a_verdict_on_another_mask_knows_of_the_draft(ann: Corrector, gateway: Gateway) -> None:
    def listed(reader: str) -> list[Any]:
        drafts = answered(ann.client.get("/v1/drafts", params={"reader": reader}))["drafts"]
        return [one for one in drafts if one["job"] == ann.path.split("/")[3]]

    draft = ann.begin()["id"]
    assert listed("Ann") == []  # nothing to lose
    answered(ann.append(draft, 1, [[0, 3, 0]]))
    assert [one["id"] for one in listed("ann")] == [draft]
    assert listed("Bob") == []
    body = {"verdict": "accepted", "reviewer": "Ann"}
    check_conflict(ann.client.post(ann.reviews, json=body | {"discards": ""}), "draft-open")
    job = {"id": ann.path.split("/")[3], "seen": ""}
    batch = body | {"jobs": [job], "leave_drafts": True}
    left = answered(ann.client.post("/v1/batch-reviews", json=batch), 201)
    assert [one["outcome"] for one in left["results"]] == ["draft"]
    answered(ann.client.post(ann.reviews, json=body), 201)  # a program that knows no drafts
    assert [one["id"] for one in listed("Ann")] == [draft]
    answered(ann.client.post(ann.reviews, json=body | {"discards": draft}), 201)
    assert listed("Ann") == []
    check_problem(ann.get(), 404)


def test_a_job_without_a_mask_has_no_draft(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(SHAPE, seed=4712))
    waiting = Corrector(gateway, str(gateway.job(scan=scan, model="solid", priority=0)["id"]))
    put = waiting.client.put(waiting.path, json={"reader": "Ann"})
    assert "queued" in str(check_problem(put, 409)["detail"])
    check_problem(waiting.client.put("/v1/jobs/none/draft"), 404)
    check_problem(waiting.client.get("/v1/jobs/none/draft"), 404)


def test_objects_are_numbered_freely(gateway: Gateway) -> None:
    """In a mask that numbers objects, a voxel may get the number of a new one."""
    job = finished(gateway, instances={"count": 1})
    ann = Corrector(gateway, job)
    draft = ann.begin()["id"]
    check_problem(ann.append(draft, 1, [[0, 1, 65_536]]), 422)
    answered(ann.append(draft, 1, [[200, 2, 300], [0, 5, 2], [29, 1, 0]]))
    review = answered(ann.save(draft, 1), 201)
    assert review["changes"] == [{"label": 1, "added": 2, "removed": 1}]
    changes = ann.client.get(f"{ann.reviews}/{draft}/mask?format=nrrd")
    assert changes.status_code == 200, changes.text


def test_the_sets_of_a_draft_are_one_stream(ann: Corrector) -> None:
    draft = ann.begin()["id"]
    answered(ann.append(draft, 1, [[0, 1, 0]]))
    answered(ann.append(draft, 2, []))
    answered(ann.append(draft, 3, [[5, 1, 0]]))
    answer = ann.client.get(f"{ann.path}/changes", params={"reader": "Ann", "draft": draft})
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "content-encoding" not in answer.headers
    assert answer.headers["etag"] == f'"{draft}-3"'
    assert unpack(answer.content) == [[0, 1, 0], [5, 1, 0]]
