"""From a PACS and back to it: a real Orthanc, a real gateway, a real worker."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pynetdicom.association import Association

from tests.support.archive_rules import FORMATS, MODALITIES, check, delivered, routes
from tests.support.dicom.associations import associate, rejection, store
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, PATIENT, series, written
from tests.support.installation import MODEL, Installation
from tests.support.orthanc import Orthanc
from tests.support.waiting import until

SHARED = os.environ.get("TESSERA_TEST_DATA")


def images_of(kind: str) -> list[Dataset]:
    """A made series, or a real one where TESSERA_TEST_DATA names a folder that has it."""
    if kind == "made":
        return series(32, 40)
    folder = Path(str(SHARED)) / "dicom" / kind
    return [dcmread(path) for path in sorted(folder.iterdir()) if path.suffix == ".dcm"]


KINDS = ("made", "mr_hippocampus_crop_1") if SHARED else ("made",)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_scanner_sends_comes_to_the_archive(
    orthanc: Orthanc, installation: Installation, kind: str
) -> None:
    """Given a rule, a push alone makes SEG, SR and RTSTRUCT appear in the PACS."""
    images = images_of(kind)
    gateway = installation.gateway(routes(orthanc, model="hippocampus-mri-3d"))
    installation.worker()
    assert store(installation.dicom, images) == [0x0000] * len(images)
    until(lambda: delivered(orthanc))
    check(orthanc, images)
    (job,) = gateway.client.get("/v1/jobs").json()["jobs"]
    states = gateway.client.get(f"/v1/jobs/{job['id']}/deliveries").json()
    assert [(d["to"], d["format"], d["state"]) for d in states] == [
        ("archive", form, "sent") for form in FORMATS
    ]
    said = installation.logs()
    for secret in (PATIENT, NUMBER, DESCRIPTION, str(images[0].SeriesInstanceUID)):
        assert secret not in said


def test_from_the_archive_by_its_own_c_store_and_back_by_c_store(
    orthanc: Orthanc, installation: Installation
) -> None:
    """Orthanc sends a series to Tessera, and is sent the results by C-STORE."""
    images = series(32, 40)
    orthanc.put(images)
    installation.gateway(routes(orthanc, web=False))
    installation.worker()
    (found,) = {one["ParentSeries"] for one in orthanc.instances("MR")}
    orthanc.send(found, installation.dicom)
    until(lambda: delivered(orthanc))
    check(orthanc, images)


def test_pulled_and_sent_back(orthanc: Orthanc, installation: Installation) -> None:
    """Searched by QIDO-RS, fetched by WADO-RS, asked for, sent by STOW-RS; twice is once."""
    images = series(32, 40)
    orthanc.put(images)
    gateway = installation.gateway(routes(orthanc), dicom_port="0")
    installation.worker()
    client = gateway.client
    assert client.get("/v1/peers").json() == [
        {"name": "archive", "search": True, "send": "stow-rs"}
    ]
    found = client.get("/v1/peers/archive/series", params={"PatientID": NUMBER, "Modality": "MR"})
    (one,) = found.json()
    assert one["SeriesInstanceUID"] == images[0].SeriesInstanceUID
    assert one["NumberOfSeriesRelatedInstances"] == 32
    assert client.get("/v1/peers/archive/series?PatientID=nobody").json() == []
    selection = {"from": "archive", "series": one["SeriesInstanceUID"]}
    pulled = client.post("/v1/scans/pull", json=selection)
    assert pulled.status_code == 201, pulled.text
    (scan,) = pulled.json()
    assert (scan["format"], scan["shape"]) == ("dicom", [1, 40, 40, 32])
    by_study = {"from": "archive", "study": images[0].StudyInstanceUID}
    assert [n["id"] for n in client.post("/v1/scans/pull", json=by_study).json()] == [scan["id"]]
    job = gateway.job(scan=scan["id"], model=MODEL)["id"]
    wanted = {"to": ["archive"], "formats": list(FORMATS)}
    assert client.post(f"/v1/jobs/{job}/deliveries", json=wanted).status_code == 202
    until(lambda: delivered(orthanc))
    check(orthanc, images)
    until(lambda: all(d["state"] == "sent" for d in _deliveries(installation, job)))
    client.post(f"/v1/jobs/{job}/deliveries", json=wanted)
    until(lambda: all(d["state"] == "sent" for d in _deliveries(installation, job)))
    check(orthanc, images)
    for secret in (PATIENT, NUMBER, DESCRIPTION, str(images[0].SeriesInstanceUID)):
        assert secret not in installation.logs()


def test_the_same_series_by_three_ways_is_one_scan(
    orthanc: Orthanc, installation: Installation, tmp_path: Path
) -> None:
    """Uploaded, pulled and sent by C-STORE, by two senders, it has one scan and one job."""
    images = series(8, 16)
    gateway = installation.gateway(routes(orthanc, to=[]))
    files = [("files", (path.name, path.read_bytes())) for path in written(images, tmp_path)]
    scan = gateway.client.post("/v1/scans", files=files).json()["id"]
    orthanc.put(images)
    selection = {"from": "archive", "series": str(images[0].SeriesInstanceUID)}
    assert [n["id"] for n in gateway.client.post("/v1/scans/pull", json=selection).json()] == [scan]
    store(installation.dicom, images, "MR1")
    (job,) = until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    assert list(job["scans"].values()) == [scan]
    (found,) = {one["ParentSeries"] for one in orthanc.instances("MR")}
    orthanc.send(found, installation.dicom)
    until(lambda: installation.logs().count("A series of 8 images was taken in") == 2)
    assert len(gateway.client.get("/v1/scans").json()["scans"]) == 1
    assert len(gateway.client.get("/v1/jobs").json()["jobs"]) == 1


def _deliveries(installation: Installation, job: object) -> list[dict[str, Any]]:
    return list(installation.gateways[-1].client.get(f"/v1/jobs/{job}/deliveries").json())


@pytest.mark.parametrize("web", [True, False], ids=["stow-rs", "c-store"])
def test_the_archive_is_away(orthanc: Orthanc, installation: Installation, web: bool) -> None:
    """Killed before the delivery and started again later, it is sent everything once."""
    images = series(32, 40)
    gateway = installation.gateway(routes(orthanc, web=web))
    orthanc.kill()
    assert store(installation.dicom, images) == [0x0000] * len(images)
    installation.worker()
    (job,) = until(lambda: gateway.client.get("/v1/jobs?state=succeeded").json()["jobs"])
    until(lambda: all(d["attempts"] >= 2 for d in _deliveries(installation, job["id"])))
    for one in _deliveries(installation, job["id"]):
        assert one["state"] == "waiting"
        assert one["error"]["status"] == 503
    orthanc.start()
    until(lambda: all(d["state"] == "sent" for d in _deliveries(installation, job["id"])))
    check(orthanc, images)


def test_the_gateway_dies_between_receipt_and_job(
    orthanc: Orthanc, installation: Installation
) -> None:
    """Killed while a series is quiet, it makes the job after the next start, and only one."""
    images = series(32, 40)
    gateway = installation.gateway(routes(orthanc), dicom_series_idle_s="600")
    assert store(installation.dicom, images) == [0x0000] * len(images)
    gateway.stop(signal.SIGKILL)
    gateway = installation.gateway(routes(orthanc))
    (job,) = until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    gateway.stop(signal.SIGKILL)
    gateway = installation.gateway(routes(orthanc))
    installation.worker()
    until(lambda: delivered(orthanc))
    check(orthanc, images)
    assert [n["id"] for n in gateway.client.get("/v1/jobs").json()["jobs"]] == [job["id"]]
    assert len(gateway.client.get("/v1/scans").json()["scans"]) == 1


@pytest.mark.parametrize(
    "where",
    [
        "service.use_cases.scan_intake.ScanIntake.take_in",
        "jobs.repository.jobs.Jobs.add",
        "service.dicom.series_inbox.SeriesInbox.mark_taken",
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_gateway_dies_anywhere(installation: Installation, where: str, when: str) -> None:
    """Killed before or after any step from files to job, nothing is lost or made twice."""
    images = series(8)
    rule = f'[[rule]]\nmodel = "{MODEL}"\n'
    holder, _, name = where.rpartition(".")
    early = "os._exit(9)" if when == "before" else "found = real(*a, **k); os._exit(9)"
    prelude = (
        f"import os, pkgutil\nholder = pkgutil.resolve_name({holder!r})\nreal = holder.{name}\n"
        f"def dies(*a, **k):\n    {early}\nholder.{name} = dies\n"
    )
    gateway = installation.gateway(rule, prelude)
    with_status = store(installation.dicom, images)
    assert with_status == [0x0000] * len(images)
    until(lambda: gateway.process.poll() is not None)
    assert gateway.process.returncode == 9
    gateway = installation.gateway(rule)
    (job,) = until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    until(lambda: list((installation.data / "inbox").glob("*/.taken")))
    assert len(gateway.client.get("/v1/jobs").json()["jobs"]) == 1
    assert len(gateway.client.get("/v1/scans").json()["scans"]) == 1
    assert job["state"] == "queued"


def test_late_images_make_the_series_whole(installation: Installation) -> None:
    """Given half a series that was taken in, the rest has the whole of it taken in again."""
    images = series(16)
    gateway = installation.gateway(f'[[rule]]\nmodel = "{MODEL}"\n')
    store(installation.dicom, images[:8])
    until(lambda: len(gateway.client.get("/v1/jobs").json()["jobs"]) == 1)
    store(installation.dicom, images[8:])
    until(lambda: len(gateway.client.get("/v1/jobs").json()["jobs"]) == 2)
    shapes = [n["shape"][3] for n in gateway.client.get("/v1/scans").json()["scans"]]
    assert sorted(shapes) == [8, 16]
    store(installation.dicom, images)
    until(lambda: installation.logs().count("taken in: 0 jobs") == 1)
    assert len(gateway.client.get("/v1/jobs").json()["jobs"]) == 2


def test_a_series_with_a_hole_is_put_aside_until_it_is_whole(installation: Installation) -> None:
    """Refused with a problem beside it; when the missing image comes, it is a scan."""
    images = series(12)
    gateway = installation.gateway(f'[[rule]]\nmodel = "{MODEL}"\n')
    store(installation.dicom, [*images[:5], *images[6:]])
    (problem,) = until(lambda: list((installation.data / "refused").glob("*/problem.json")))
    assert "uneven-slices" in problem.read_text()
    assert images[0].SeriesInstanceUID not in problem.read_text()
    assert gateway.client.get("/v1/scans").json()["scans"] == []
    store(installation.dicom, [images[5]])
    until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    (scan,) = gateway.client.get("/v1/scans").json()["scans"]
    assert scan["shape"] == [1, 32, 32, 12]
    assert not list((installation.data / "refused").glob("*/*"))


def test_one_rule_takes_what_another_refuses(installation: Installation) -> None:
    """Given a gap, the rule that resamples has its job, and the other none."""
    rule = f'[[rule]]\nmodel = "{MODEL}"\n'
    images = series(12)
    gateway = installation.gateway(f"{rule}{rule}resample = true\n")
    store(installation.dicom, [*images[:5], *images[6:]])
    (_,) = until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    until(lambda: "A part of a series was refused" in installation.logs())
    until(lambda: list((installation.data / "inbox").glob("*/.taken")))
    assert not list((installation.data / "refused").iterdir())


def test_a_series_that_no_rule_wants_is_a_scan(installation: Installation) -> None:
    gateway = installation.gateway(f'[[rule]]\nmodel = "{MODEL}"\nmodality = "CT"\n')
    store(installation.dicom, series(6))
    (scan,) = until(lambda: gateway.client.get("/v1/scans").json()["scans"])
    assert scan["shape"] == [1, 32, 32, 6]
    assert gateway.client.get("/v1/jobs").json()["jobs"] == []


def test_deidentified_on_the_way_in(orthanc: Orthanc, installation: Installation) -> None:
    """What is stored, and what is sent on, names nobody; the mask lies where it did."""
    images = series(32, 40)
    gateway = installation.gateway(routes(orthanc, deidentify=True), dicom_series_keep_s="0")
    installation.worker()
    store(installation.dicom, images)
    until(lambda: delivered(orthanc))
    (scan,) = gateway.client.get("/v1/scans").json()["scans"]
    affine = np.diag([-1.0, -1.0, 1.5, 1.0])
    affine[:3, 3] = 16.0, 20.0, 0.0
    np.testing.assert_allclose(scan["affine"], affine)
    for modality in MODALITIES:
        (found,) = orthanc.instances(modality)
        content = orthanc.file(found["ID"])
        for secret in (PATIENT, "Norma", NUMBER, str(images[0].SeriesInstanceUID), "20260302"):
            assert secret.encode() not in content, modality
    for blob in (installation.data / "blobs").rglob("*"):
        assert not blob.is_file() or NUMBER.encode() not in blob.read_bytes()


def test_strangers_do_not_get_in(installation: Installation) -> None:
    installation.gateway(dicom_allowed_callers="CT1", dicom_max_associations="1")
    assert rejection(installation.dicom, calling="SCANNER")
    first = until(
        lambda: _established(installation)
    )  # the one that was rejected goes in its own time
    assert rejection(installation.dicom, calling="CT1")
    first.release()


def _established(installation: Installation) -> Association | None:
    talk = associate(installation.dicom, calling="CT1")
    return talk if talk.is_established else None
