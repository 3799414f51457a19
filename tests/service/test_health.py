"""Whether it lives, whether it can serve, what it counts, and what it logs."""

import io
import json
import re
import shutil
from importlib.metadata import version

import nibabel
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from prometheus_client.parser import text_string_to_metric_families

from jobs.announced_worker import AnnouncedWorker, WorkerState
from tests.support.answers import check_problem
from tests.support.earlier_schema import set_revision
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes


def test_health(gateway: Gateway) -> None:
    assert gateway.client.get("/healthz").json() == {"status": "ok", "parts": {}}
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 200
    assert (ready.json()["version"], ready.json()["workers"]) == (version("tessera-seg"), {})
    assert ready.json()["parts"] == dict.fromkeys(("database", "broker", "blobs", "disk"), "ok")


def test_blobs_are_away(start_gateway: Start) -> None:
    """Without its store the gateway lives, is not ready, and refuses uploads with 503."""
    gateway = start_gateway()
    shutil.rmtree(gateway.data / "blobs")
    assert gateway.client.get("/healthz").status_code == 200
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["status"] == "unavailable"
    assert ready.json()["parts"]["blobs"] != "ok"
    assert ready.json()["parts"]["database"] == "ok"
    answer = gateway.upload(nifti_bytes(), "Miller.nii")
    check_problem(answer, 503, "Miller", str(gateway.data))
    assert int(answer.headers["retry-after"]) > 0


def test_a_mixed_fleet(start_gateway: Start) -> None:
    """Workers of two versions, as during a rolling update; and a database that a later version has
    changed so that this gateway cannot use it any more."""
    gateway = start_gateway()
    with gateway.repository() as repository:
        for name, of in (("a", "0.1.0"), ("b", "0.2.0"), ("c", "0.2.0")):
            worker = AnnouncedWorker(name, ("any",), of, WorkerState.READY, 1.0)
            repository.workers.announce(worker)
    assert gateway.client.get("/readyz").json()["workers"] == {"0.1.0": 1, "0.2.0": 2}
    set_revision(gateway.settings.database, "9999")
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 503
    assert "can no longer use" in ready.json()["parts"]["database"]


def test_too_little_room(start_gateway: Start) -> None:
    """A disk that is nearly full is told before uploads begin to fail."""
    prelude = "from jobs import disk\ndisk.MIN_FREE_BYTES = 1 << 62\ndisk.MIN_FREE_SHARE = 2"
    gateway = start_gateway(prelude=prelude)
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 503
    assert "bytes are free" in ready.json()["parts"]["disk"]


def _metrics(gateway: Gateway) -> dict[tuple[str, str], float]:
    text = gateway.client.get("/metrics").text
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics(start_gateway: Start) -> None:
    gateway = start_gateway()
    content = nifti_bytes()
    scan = gateway.scan(content)
    gateway.scan(content)
    first = gateway.job(scan=scan, model="solid")
    gateway.job(scan=scan, model="solid")
    gateway.client.post(f"/v1/jobs/{first['id']}/cancel")
    gateway.client.get("/v1/jobs/Miller")
    gateway.client.get("/Miller/1961")
    gateway.client.request("BREW", "/")
    found = _metrics(gateway)
    assert found["tessera_jobs", "queued"] == 1
    assert found["tessera_jobs", "cancelled"] == 1
    assert found["tessera_jobs", "running"] == 0
    assert found["tessera_queue_jobs", "solid,any"] == 1
    assert 0 <= found["tessera_queue_oldest_seconds", "solid,any"] < 600
    assert not any(name == "tessera_queue_seconds" for name, _ in found)  # nothing was measured
    assert found["tessera_upload_bytes_total", ""] == len(content)
    requests = "tessera_http_requests_total"
    assert found[requests, "POST,/v1/scans,201"] == 1
    assert found[requests, "POST,/v1/scans,200"] == 1
    assert found[requests, "GET,/v1/jobs/{job_id},404"] == 1
    assert found[requests, "GET,unknown,404"] == 1
    assert any(labels.startswith("other,") for name, labels in found if name == requests)
    assert not any("Miller" in labels for _, labels in found)


def talkative(secret: str) -> list[bytes]:
    """Scans of every format with this text in their headers."""
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8))
    exif = Image.Exif()
    exif[270] = exif[315] = secret  # TIFF 6.0: ImageDescription, Artist
    text = PngInfo()
    text.add_text("Description", secret)
    found = []
    for kind, more in (("JPEG", {"exif": exif}), ("PNG", {"pnginfo": text, "exif": exif})):
        picture.save(file := io.BytesIO(), kind, **more)
        found.append(file.getvalue())
    picture.save(file := io.BytesIO(), "TIFF", tiffinfo={270: secret, 315: secret})
    volume = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int8), np.eye(4), dtype=np.int8)
    volume.header["descrip"] = secret.encode()
    volume.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", secret.encode()))
    return [*found, file.getvalue(), volume.to_bytes()]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log_tells_nothing_of_a_patient(start_gateway: Start, log_format: str) -> None:
    """Given names in file, address, query, header and body, none is logged, debugging or not."""
    prelude = f"from jobs.log_format import start_logging\nstart_logging({log_format!r}, 10)"
    gateway = start_gateway(prelude=prelude)
    secret, client = "Miller-1961", gateway.client
    scan = gateway.scan(nifti_bytes(), f"{secret}.nii")
    for content in talkative(secret):
        gateway.client.get(f"/v1/scans/{gateway.scan(content)}/volume")
    job = gateway.client.post(
        "/v1/jobs",
        json={"scan": scan, "model": "solid"},
        headers={"Idempotency-Key": secret, "User-Agent": secret, "Referer": secret},
    ).json()["id"]
    client.post("/v1/batches", json={"name": secret, "jobs": [{"scan": scan, "model": "solid"}]})
    client.get(f"/v1/jobs?model={secret.lower()}&patient={secret}")
    client.get(f"/v1/jobs/{secret}")
    client.get(f"/{secret}/x")
    client.post("/v1/jobs", json={secret: secret, "model": secret})
    client.post("/v1/jobs", json={"scans": {secret: scan}, "model": "solid"})
    client.get("/v1/models", headers={"Origin": f"http://{secret}"})
    client.request(secret, "/")
    client.get(f"/v1/jobs/{job}")
    client.post(f"/v1/jobs/{job}/cancel")
    client.get(f"/v1/jobs/{job}/events")
    gateway.stop()
    log = gateway.log.read_text()
    assert "miller" not in log.lower()
    assert re.search(rf"GET /v1/jobs/\{{job_id\}} 200 \d+ ms job={job}", log)
    assert re.search(r"POST /v1/scans 201 \d+ ms job=-", log)
    assert str(gateway.data / "tmp") not in log
    if log_format == "json":
        entries = [json.loads(line) for line in log.splitlines()]
        (status, *_) = [
            e for e in entries if e.get("route") == "/v1/jobs/{job_id}" and e.get("job")
        ]
        assert (status["job"], status["status"], status["method"]) == (job, 200, "GET")
        assert len({e["request"] for e in entries if "route" in e}) > 15
        assert any(e["logger"].startswith("uvicorn") for e in entries)
