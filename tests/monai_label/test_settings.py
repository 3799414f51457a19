"""The prefix on the first port, patience, and the end of sessions, on gateways of their own."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.answers import check_problem
from tests.support.gateway import Gateway, start
from tests.support.images import nifti_bytes
from tests.support.ports import free_port
from tests.support.waiting import until

pytestmark = pytest.mark.process

SHORT = "import service.monai_label.session_expiry as s; s.POLL_S = 0.1"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Gateway]:
    """Without a second port and without a worker."""
    gateway = start(tmp_path / "data", SHORT, monai_label_wait_s="0.5")
    yield gateway
    gateway.stop()


def _put(gateway: Gateway, address: str, seed: int, field: str = "file") -> httpx.Response:
    content = nifti_bytes((20, 20, 20), seed)
    return gateway.client.put(f"/monai-label{address}", files={field: ("v.nii", content)})


def test_under_the_prefix(alone: Gateway) -> None:
    for address in ("/info/", "/info", "/datastore/", "/auth", "/logs/"):
        assert alone.client.get(f"/monai-label{address}").status_code == 200
    assert "/monai-label" not in alone.client.get("/openapi.json").text
    assert "GET /info/ 200" in alone.client.get("/monai-label/logs/?lines=50").text


def test_large_files_may_come_there(alone: Gateway) -> None:
    """More than a JSON body may have, as on /v1/scans; other addresses keep their limit."""
    large = nifti_bytes((256, 256, 160), 3)
    assert len(large) > 16 << 20
    files = {"file": ("v.nii", large)}
    assert alone.client.put("/monai-label/datastore/?image=l", files=files).status_code == 200
    check_problem(alone.client.post("/monai-label/train/", content=large), 413)


def test_patience_ends(alone: Gateway) -> None:
    """Given no worker, the client is told to ask again; the one job waits on."""
    assert _put(alone, "/datastore/?image=w", 1).status_code == 200
    for _ in range(2):
        answer = alone.client.post("/monai-label/infer/brain-mri-3d?image=w")
        check_problem(answer, 503)
        assert answer.headers["retry-after"]
    jobs = alone.client.get("/v1/jobs").json()["jobs"]
    assert [job["state"] for job in jobs] == ["queued"]


def test_sessions_end_by_themselves(alone: Gateway) -> None:
    """The image goes with its session, but not one that was here before or that has a name."""
    _put(alone, "/datastore/?image=kept", 2)
    for seed in (2, 3):
        answer = _put(alone, "/session/?expiry=1", seed, "files")
        assert answer.json()["session_info"]["expiry"] == 1
    session = answer.json()["session_id"]
    assert len(alone.client.get("/v1/scans").json()["scans"]) == 2
    until(lambda: len(alone.client.get("/v1/scans").json()["scans"]) == 1)
    check_problem(alone.client.get(f"/monai-label/session/{session}"), 404)
    (left,) = alone.client.get("/v1/scans").json()["scans"]
    assert left["shape"] == [1, 20, 20, 20]
    assert alone.client.head("/monai-label/datastore/image?image=kept").status_code == 200


def test_names_outlive_a_restart(tmp_path: Path) -> None:
    first = start(tmp_path / "data")
    _put(first, "/datastore/?image=remembered", 4)
    first.stop()
    second = start(tmp_path / "data")
    try:
        assert second.client.head("/monai-label/datastore/image?image=remembered").is_success
        found = second.client.get("/monai-label/datastore/?output=all").json()["objects"]
        assert set(found) == {"remembered"}
    finally:
        second.stop()


def test_a_port_that_is_taken_stops_the_gateway(alone: Gateway, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not start"):
        start(tmp_path / "other", monai_label_port=str(alone.port))


def test_both_ports_end_together(tmp_path: Path) -> None:
    port = free_port()
    gateway = start(tmp_path / "two", monai_label_port=str(port))
    assert httpx.get(f"http://127.0.0.1:{port}/info/").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{port}/v1/models").status_code == 404
    gateway.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/info/")


FAILS_ONCE = f"""{SHORT}
def once(*given, work=s.ImageSessions.end, done=[]):
    if done: return work(*given)
    done.append(1)
    raise RuntimeError
s.ImageSessions.end = once
"""


def test_one_that_cannot_be_ended_holds_up_nothing(tmp_path: Path) -> None:
    """Whatever goes wrong with it, it is tried again, and the gateway ends as it should."""
    gateway = start(tmp_path / "data", FAILS_ONCE)
    _put(gateway, "/session/?expiry=1", 5, field="files")
    until(lambda: gateway.client.get("/v1/scans").json()["scans"] == [])
    gateway.stop()
    assert "RuntimeError" in gateway.log.read_text()


def test_the_last_session_takes_the_image_along(alone: Gateway) -> None:
    first, second = (
        _put(alone, "/session/?expiry=600", 5, "files").json()["session_id"] for _ in range(2)
    )
    alone.client.delete(f"/monai-label/session/{first}")
    assert alone.client.get(f"/monai-label/session/{second}").status_code == 200
    assert len(alone.client.get("/v1/scans").json()["scans"]) == 1
    alone.client.delete(f"/monai-label/session/{second}")
    assert alone.client.get("/v1/scans").json()["scans"] == []
    session = _put(alone, "/session/?expiry=600", 5, "files").json()["session_id"]
    files = {"files": ("v.nii", nifti_bytes((20, 20, 20), 5))}
    assert alone.client.post("/v1/scans", files=files).status_code == 200
    alone.client.delete(f"/monai-label/session/{session}")
    assert len(alone.client.get("/v1/scans").json()["scans"]) == 1, "somebody uploaded it to stay"
