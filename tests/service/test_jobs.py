"""Jobs and batches: checked when they are asked for, stored, then sent."""

import time

import numpy as np
import pytest

from imaging.errors import Part
from inference.runtime_registry import queue_names
from jobs.queue import Queue
from tests.support.answers import check_problem
from tests.support.claims import claimed
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes, png_bytes
from tests.support.waiting import until


@pytest.fixture
def volume(gateway: Gateway) -> str:
    return gateway.scan(nifti_bytes(seed=40))


@pytest.fixture
def picture(gateway: Gateway) -> str:
    return gateway.scan(png_bytes(seed=40))


def test_job(gateway: Gateway, volume: str) -> None:
    """A job that was asked for is stored, told where it stands, and sent to the broker."""
    with gateway.repository() as repository:
        asked = {"scan": volume, "model": "solid", "priority": 8, "options": {"device": "cpu"}}
        answer = gateway.client.post("/v1/jobs", json=asked)
        assert answer.status_code == 202
        job = answer.json()
        assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
        assert job["scans"] == {"t1": volume}
        assert (job["state"], job["priority"], job["attempt"]) == ("queued", 8, 0)
        assert job["progress"] == {
            "tiles_done": 0,
            "tiles_total": 0,
            "fraction": 0.0,
            "preparing": False,
        }
        assert job["place_in_queue"] >= 1
        assert job["scan_name"] == "scan"
        assert job["options"] == {
            "device": "cpu", "precision": "auto", "tile": None, "mask": None, "margin_mm": 10.0,
        }  # fmt: skip
        stored = repository.jobs.by_id(job["id"])
        assert stored.queue == "cpu"
        assert gateway.client.get(answer.headers["location"]).json()["id"] == job["id"]
        _until_sent(gateway, job["id"])
    gateway.client.post(f"/v1/jobs/{job['id']}/cancel")


def test_a_job_says_which_part_it_waits_for(gateway: Gateway, volume: str) -> None:
    asked = {"scan": volume, "model": "solid", "options": {"device": "cpu"}}
    job = gateway.client.post("/v1/jobs", json=asked).json()
    assert job["waiting_for"] is None
    with gateway.repository() as repository:
        held = claimed(repository, job["id"])
        assert repository.leases.release(job["id"], held.fence, Part.STORE)
        waiting = gateway.client.get(f"/v1/jobs/{job['id']}").json()
        assert (waiting["state"], waiting["waiting_for"]) == ("queued", "the object store")
        assert (waiting["error"], waiting["attempt"]) == (None, 0)
        claimed(repository, job["id"])
    assert gateway.client.get(f"/v1/jobs/{job['id']}").json()["waiting_for"] is None
    gateway.client.post(f"/v1/jobs/{job['id']}/cancel")


def _until_sent(gateway: Gateway, job_id: str) -> None:
    with gateway.repository() as repository:
        until(lambda: all(job.id != job_id for job in repository.messages.unsent()))


def test_idempotency_key(gateway: Gateway, volume: str) -> None:
    """A repeated POST is one job; the same key for another request is a conflict."""
    key = {"Idempotency-Key": f"key-{time.time_ns()}"}
    asked = {"scan": volume, "model": "solid"}
    first = gateway.client.post("/v1/jobs", json=asked, headers=key)
    second = gateway.client.post("/v1/jobs", json=asked, headers=key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    other = gateway.client.post("/v1/jobs", json={**asked, "priority": 9}, headers=key)
    check_problem(other, 409)
    without = gateway.client.post("/v1/jobs", json=asked)
    assert without.json()["id"] != first.json()["id"]
    blank = gateway.client.post("/v1/jobs", json=asked, headers={"Idempotency-Key": "a b"})
    check_problem(blank, 422)


@pytest.mark.parametrize(
    "margin", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "1000.1", "-1", '"nan"']
)
def test_margins_that_are_refused(gateway: Gateway, volume: str, margin: str) -> None:
    """A margin is a finite number from 0 to 1000, also for parsers of JSON that know others."""
    body = f'{{"scan": "{volume}", "model": "solid", "options": {{"margin_mm": {margin}}}}}'
    answer = gateway.client.post(
        "/v1/jobs", content=body, headers={"Content-Type": "application/json"}
    )
    assert "margin_mm" in str(check_problem(answer, 422)["detail"])


def test_scan_and_model_must_suit(gateway: Gateway, volume: str, picture: str) -> None:
    """What cannot work is refused when it is asked for, not when a worker comes to it."""
    cases = [
        ({"scan": volume, "model": "flat"}, 422, "3D volume"),
        ({"scan": picture, "model": "solid"}, 422, "2D image"),
        ({"scan": volume, "model": "contrasts"}, 422, "2 scan"),
        ({"scans": {"t1": volume}, "model": "contrasts"}, 422, "2 scan"),
        ({"scans": {"t1": volume, "flair": volume}, "model": "contrasts"}, 422, "2 scan"),
        ({"scans": {"t1": volume, "t2": picture}, "model": "contrasts"}, 422, "t2"),
        ({"scans": {"other": volume}, "model": "solid"}, 422, "1 scan"),
        ({"scan": volume, "model": "nonesuch"}, 404, "model"),
        ({"scan": "nonesuch", "model": "solid"}, 404, "scan"),
        ({"scan": volume, "model": "No Such"}, 422, "model"),
        ({"scan": volume, "scans": {"t1": volume}, "model": "solid"}, 422, "either"),
        ({"model": "solid"}, 422, "either"),
        ({"scan": volume}, 422, "model"),
        ({"scan": volume, "model": "solid", "priority": 10}, 422, "priority"),
        ({"scan": volume, "model": "solid", "priority": -1}, 422, "priority"),
        ({"scan": volume, "model": "solid", "colour": "red"}, 422, "colour"),
        ({"scan": volume, "model": "solid", "options": {"device": "abacus"}}, 422, "device"),
        ({"scan": volume, "model": "solid", "options": {"tile": [64, 64]}}, 422, "tile"),
        ({"scan": volume, "model": "solid", "options": {"tile": [64, 64, 15]}}, 422, "tile"),
        ({"scan": volume, "model": "solid", "options": {"tile": [64, 64, 0]}}, 422, "tile"),
        ({"scan": volume, "model": "solid", "options": {"tile": [64, 64, "wide"]}}, 422, "tile"),
        ([1, 2], 422, "body"),
    ]
    before = len(_jobs(gateway))
    for asked, status, word in cases:
        problem = check_problem(gateway.client.post("/v1/jobs", json=asked), status, "abacus")
        assert word in str(problem["detail"]), (asked, problem)
    assert len(_jobs(gateway)) == before


def test_broken_json(gateway: Gateway) -> None:
    for content in (b"{", b"", b"\xff\xfe", b'{"scan": "\\ud800"', b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        answer = gateway.client.post("/v1/jobs", content=content, headers=headers)
        assert answer.status_code in (400, 422)
        check_problem(answer, answer.status_code)


def test_channels_keep_the_order_of_the_card(gateway: Gateway, volume: str) -> None:
    """The first channel's scan gives the mask its grid, in whatever order they were named."""
    other = gateway.scan(nifti_bytes(seed=41))
    job = gateway.job(scans={"t2": other, "t1": volume}, model="contrasts")
    assert list(job["scans"].items()) == [("t1", volume), ("t2", other)]
    again = gateway.client.get(f"/v1/jobs/{job['id']}").json()
    assert list(again["scans"].items()) == [("t1", volume), ("t2", other)]


def test_one_number_is_a_tile_for_all_axes(gateway: Gateway, volume: str) -> None:
    job = gateway.job(scan=volume, model="solid", options={"tile": [64]})
    assert job["options"]["tile"] == [64, 64, 64]


def test_cancel_and_retry(gateway: Gateway, volume: str) -> None:
    job = gateway.job(scan=volume, model="solid")
    path = f"/v1/jobs/{job['id']}"
    check_problem(gateway.client.post(f"{path}/retry"), 409)
    cancelled = gateway.client.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert cancelled.json()["place_in_queue"] is None
    check_problem(gateway.client.post(f"{path}/cancel"), 409)
    again = gateway.client.post(f"{path}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    _until_sent(gateway, str(job["id"]))
    gateway.client.post(f"{path}/cancel")
    for verb in ("cancel", "retry"):
        check_problem(gateway.client.post(f"/v1/jobs/nonesuch/{verb}"), 404)


def test_failed_job_tells_why(gateway: Gateway, volume: str) -> None:
    job = gateway.job(scan=volume, model="solid")
    with gateway.repository() as repository:
        held = claimed(repository, str(job["id"]))
        repository.leases.fail(held.id, held.fence, {"title": "Bad", "detail": "It broke.", "x": 1})
    found = gateway.client.get(f"/v1/jobs/{job['id']}").json()
    assert found["state"] == "failed"
    assert found["error"]["detail"] == "It broke."
    check_problem(gateway.client.get(f"/v1/jobs/{job['id']}/mask"), 409)


def test_worklist(gateway: Gateway) -> None:
    """Newest first, by page, by state, by model, by batch."""
    scan, picture = gateway.scan(nifti_bytes(seed=43)), gateway.scan(png_bytes(seed=43))
    solid = [gateway.job(scan=scan, model="solid")["id"] for _ in range(3)]
    flat = gateway.job(scan=picture, model="flat")["id"]
    batch = gateway.client.post(
        "/v1/batches", json={"jobs": [{"scan": scan, "model": "solid"}] * 2}
    ).json()
    gateway.client.post(f"/v1/jobs/{solid[0]}/cancel")

    assert _jobs(gateway)[2:6] == [flat, *reversed(solid)]
    assert _jobs(gateway, model="flat")[0] == flat
    assert not set(_jobs(gateway, model="flat")) & set(solid)
    assert solid[0] in _jobs(gateway, state="cancelled")
    assert not set(_jobs(gateway, state="cancelled")) & {*solid[1:], flat}
    assert set(_jobs(gateway, batch=batch["id"])) == set(batch["jobs"])
    assert _jobs(gateway, model="nonesuch") == []
    for bad in ({"state": "lost"}, {"model": "NO"}, {"batch": "\0"}, {"cursor": "-"}):
        check_problem(gateway.client.get("/v1/jobs", params=bad), 422)


def _jobs(gateway: Gateway, **asked: str) -> list[str]:
    found: list[str] = []
    while True:
        page = gateway.client.get("/v1/jobs", params={"limit": "5", **asked}).json()
        found += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


def test_place_in_queue_follows_priority(gateway: Gateway, volume: str) -> None:
    """The highest priority is first, then the eldest; a new job of a higher one moves others."""
    ids = [gateway.job(scan=volume, model="solid", priority=p)["id"] for p in (0, 9, 5, 9)]
    places = [gateway.client.get(f"/v1/jobs/{i}").json()["place_in_queue"] for i in ids]
    assert np.argsort(places).tolist() == [1, 3, 2, 0]
    gateway.job(scan=volume, model="solid", priority=6)
    later = [gateway.client.get(f"/v1/jobs/{i}").json()["place_in_queue"] for i in ids]
    assert np.subtract(later, places).tolist() == [1, 0, 1, 0]


def test_batch(gateway: Gateway, volume: str) -> None:
    asked = {
        "name": "study",
        "jobs": [{"scan": volume, "model": "solid", "priority": p} for p in range(5)],
    }
    key = {"Idempotency-Key": f"batch-{time.time_ns()}"}
    answer = gateway.client.post("/v1/batches", json=asked, headers=key)
    assert answer.status_code == 202
    batch = answer.json()
    assert answer.headers["location"] == f"/v1/batches/{batch['id']}"
    assert (batch["name"], batch["states"], batch["fraction"]) == ("study", {"queued": 5}, 0.0)
    assert gateway.client.post("/v1/batches", json=asked, headers=key).json()["id"] == batch["id"]
    for job in batch["jobs"]:
        _until_sent(gateway, job)
        assert gateway.client.get(f"/v1/jobs/{job}").json()["batch"] == batch["id"]
    gateway.client.post(f"/v1/jobs/{batch['jobs'][0]}/cancel")
    now = gateway.client.get(answer.headers["location"]).json()
    assert (now["states"], now["fraction"]) == ({"queued": 4, "cancelled": 1}, 0.2)
    check_problem(gateway.client.get("/v1/batches/nonesuch"), 404)


def test_bad_batch_is_no_batch(gateway: Gateway, volume: str) -> None:
    """One bad job refuses them all, and the problem says which it is."""
    good = {"scan": volume, "model": "solid"}
    before = len(_jobs(gateway))
    asked = {"jobs": [good, good, {**good, "model": "flat"}, good]}
    problem = check_problem(gateway.client.post("/v1/batches", json=asked), 422)
    assert "jobs.2" in str(problem["detail"])
    check_problem(gateway.client.post("/v1/batches", json={"jobs": []}), 422)
    check_problem(gateway.client.post("/v1/batches", json={"jobs": [good], "name": "\0"}), 422)
    assert len(_jobs(gateway)) == before


def test_scan_of_a_waiting_job_stays(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=42))
    job = gateway.job(scan=scan, model="solid")
    check_problem(gateway.client.delete(f"/v1/scans/{scan}"), 409)
    gateway.client.post(f"/v1/jobs/{job['id']}/cancel")
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    check_problem(gateway.client.get(f"/v1/jobs/{job['id']}"), 404)


def test_broker_is_away(start_gateway: Start) -> None:
    """A job is taken in at once without a broker, and sent as soon as there is one."""
    gateway = start_gateway(broker_url="redis://127.0.0.1:9/0")
    scan = gateway.scan(nifti_bytes())
    begun = time.monotonic()
    job = gateway.job(scan=scan, model="solid")
    assert time.monotonic() - begun < 2
    assert gateway.client.get(f"/v1/jobs/{job['id']}").json()["state"] == "queued"
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"]["broker"] != "ok"
    assert ready.json()["parts"]["database"] == "ok"
    gateway.stop()

    start_gateway(gateway.data)  # with a broker
    _until_sent(gateway, str(job["id"]))
    queue = Queue(gateway.settings, queue_names())
    until(lambda: queue.waiting() == 1)
    queue.close()


def test_eta_comes_from_measured_jobs(gateway: Gateway, volume: str) -> None:
    """Nothing is estimated before a job of the model was measured; then there is a time ahead."""
    asked = {"scans": {"t1": volume, "t2": volume}, "model": "contrasts", "priority": 9}
    first = gateway.job(**asked)
    assert first["eta"] is None
    run_job(gateway, str(first["id"]), np.zeros((5, 6, 7), np.uint8))
    second = gateway.job(**asked)
    assert str(second["eta"]) > str(second["created_at"])
    done = gateway.client.get(f"/v1/jobs/{first['id']}").json()
    assert (done["eta"], done["progress"]["fraction"]) == (None, 1.0)
    assert done["finished_at"] >= done["started_at"] >= done["created_at"]
