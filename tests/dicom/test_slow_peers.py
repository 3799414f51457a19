"""Peers that send a byte now and then, or stop in the middle: nobody else waits for them."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio
import pytest

from imaging.formats.dicom.instance_identity import identify
from service.dicom import dicomweb_client, pdu_socket, storage_scu
from service.dicom.exchange_deadline import SLOWEST_BYTES_PER_S, ExchangeDeadline
from service.http import threads
from service.http.threads import PeerThreads, PeerWork
from service.resources.peers import Peer, PeerTooSlow, PeerUnavailable
from service.resources.scratch import Scratch
from service.use_cases.archives import RemoteSeries
from tests.support.answers import check_problem
from tests.support.dicom.mr_series import series, written
from tests.support.dicom.raw_pdus import pdu
from tests.support.images import nifti_bytes
from tests.support.installation import Installation
from tests.support.slow_peer import JSON, SlowPeer, slow_peer

PARTS = b'HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n--b\r\n'
SERIES = RemoteSeries("1.2", "1.3", "", "", "", "", "MR", "", "", "", None)


def peer_of(slow: SlowPeer, timeout_s: float = 0.6) -> Peer:
    address = f"http://127.0.0.1:{slow.port}/dicom-web"
    return Peer(name="snail", dicomweb=address, timeout_s=timeout_s)


@pytest.mark.parametrize(("start", "rest"), [(b"", JSON), (JSON[:-500], JSON[-500:])])
def test_a_search_ends_in_time(start: bytes, rest: bytes) -> None:
    """Whether the header or the body drips: each pause is shorter than the time-out."""
    with slow_peer(start, rest) as slow, pytest.raises(PeerTooSlow, match="snail") as raised:
        dicomweb_client.search(peer_of(slow), {}, 9)
    assert "127.0.0.1" not in str(raised.value)


def test_a_fetch_and_a_delivery_end_in_time(tmp_path: Path) -> None:
    (image,) = written(series(1), tmp_path / "image")
    scratch = Scratch(tmp_path / "scratch")
    with slow_peer(PARTS, b"a" * 10_000) as slow:
        fetched = dicomweb_client.fetch(peer_of(slow), SERIES, scratch, 1 << 30)
        with pytest.raises(PeerTooSlow), fetched:
            pass
        with pytest.raises(PeerTooSlow):
            dicomweb_client.store(peer_of(slow), image)
    scratch.close()


def test_images_have_the_time_that_they_need() -> None:
    """Given a time-out of half a second, and blocks for a second, the exchange is not ended."""
    with ExchangeDeadline(0.5) as deadline:
        for _ in range(10):
            threading.Event().wait(0.1)
            deadline.received(SLOWEST_BYTES_PER_S * 10)
        assert not deadline.has_expired


@pytest.mark.parametrize("start", [pdu(2, b"", 200), pdu(2, b"", 1_500_000_000), b"\2"])
def test_a_dicom_peer_that_stops_in_the_middle(
    start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pynetdicom would wait without end, and so would the deliveries of the peer."""
    monkeypatch.setattr(pdu_socket, "PDU_TIMEOUT_S", 0.3)
    (image,) = written(series(1), tmp_path / "image")
    with slow_peer(start, b"\0" * 1000, 0.1) as slow:
        peer = Peer(name="snail", host="127.0.0.1", port=slow.port, ae_title="A", timeout_s=2)
        with pytest.raises(PeerUnavailable, match="snail"):
            storage_scu.store(peer, image, identify(image), "TESSERA")
        with pytest.raises(PeerUnavailable, match="snail"):
            storage_scu.echo(peer, "TESSERA")


def test_lanes_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full lane refuses one more after a while; other peers and kinds of work go on."""
    monkeypatch.setattr(threads, "LANE_WAIT_S", 0.2)
    lanes, held = PeerThreads(), threading.Event()

    async def check() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(threads.LANE_WIDTH):
                group.start_soon(lanes.run, "a", PeerWork.SEARCH, held.wait)
            await anyio.sleep(0.1)
            with pytest.raises(PeerUnavailable, match="The peer a is busy"):
                await lanes.run("a", PeerWork.SEARCH, held.wait)
            assert await lanes.run("b", PeerWork.SEARCH, math.sqrt, 4) == 2
            assert await lanes.run("a", PeerWork.IMPORT, math.sqrt, 4) == 2
            held.set()
        assert await lanes.run("a", PeerWork.SEARCH, math.sqrt, 4) == 2

    anyio.run(check)


def test_views_and_other_peers_do_not_wait_for_a_slow_one(installation: Installation) -> None:
    """More searches, checks and imports than there are threads hold nothing else."""
    with slow_peer(JSON[:-500], JSON[-500:], 0.2) as slow, slow_peer(JSON, b"") as other:
        text = "".join(
            f'[[peer]]\nname = "{name}"\ntimeout_s = {timeout_s}\n'
            f'dicomweb = "http://127.0.0.1:{peer.port}"\n'
            for name, peer, timeout_s in (
                ("snail", slow, 120),
                ("late", slow, 1),
                ("hare", other, 120),
            )
        )
        client = installation.gateway(text, dicom_port="0").client
        content = nifti_bytes((20, 20, 20))
        scan = client.post("/v1/scans", files={"files": ("a.nii", content)}).json()["id"]
        with ThreadPoolExecutor(9) as pool:
            address = "/v1/peers/snail"
            pull = {"from": "snail", "series": "1.2.3"}
            waiting = [pool.submit(client.get, f"{address}/series") for _ in range(2)]
            waiting += [pool.submit(client.get, f"{address}/health") for _ in range(2)]
            waiting += [
                pool.submit(partial(client.post, "/v1/scans/pull", json=pull)) for _ in range(2)
            ]
            for _ in waiting:
                assert slow.asked.acquire(timeout=60)
            assert client.get(f"/v1/scans/{scan}/volume").status_code == 200
            assert client.post("/v1/scans", files={"files": ("a.nii", content)}).is_success
            assert client.get("/v1/peers/hare/series").json() == []
            assert not any(one.done() for one in waiting)
            check_problem(client.get("/v1/peers/late/series"), 504)
            assert "late" in client.get("/v1/peers/late/series").json()["detail"]
            slow.stop_dripping()
