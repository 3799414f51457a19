"""Measurements of readers over HTTP: stored with reviews, verified, and exported."""

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

import tessera_client
from tests.support.answers import check_problem
from tests.support.corrected import Corrected
from tests.support.dicom.archive import SR, archive
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.waiting import until

LINE = {"id": "one", "kind": "length", "label": "Größe", "points": [[1, 1, 1], [3, 1, 1]]}


@pytest.fixture(params=["sqlite", "postgres"])
def finished(request: pytest.FixtureRequest, start_gateway: Start) -> tuple[Gateway, str]:
    """A gateway on each database, and the path of a finished job."""
    settings = {}
    if request.param == "postgres":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    return (gateway := start_gateway(**settings)), f"/v1/jobs/{job_of(gateway)}"


def job_of(gateway: Gateway) -> str:
    scan = gateway.scan(nifti_bytes(seed=84))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    run_job(gateway, job, np.ones((5, 6, 7), np.uint8))
    return job


def placed(gateway: Gateway, path: str, *voxels: tuple[float, ...]) -> list[list[float]]:
    """The points at voxel coordinates of the job's scan."""
    (scan,) = gateway.client.get(path).json()["scans"].values()
    affine = np.array(gateway.client.get(f"/v1/scans/{scan}").json()["affine"])
    points: list[list[float]] = (np.array(voxels) @ affine[:3, :3].T + affine[:3, 3]).tolist()
    return points


def test_a_review_has_measurements(finished: tuple[Gateway, str]) -> None:
    """The service computes the numbers; a client that knows no measurements goes on."""
    gateway, path = finished
    points = placed(gateway, path, (1, 1, 1), (3, 1, 1))
    corners = placed(gateway, path, (1, 1, 2), (3, 1, 2), (3, 4, 2), (1, 4, 2))
    box = {"id": "two", "kind": "rectangle", "points": corners}
    sent = {"verdict": "accepted", "reviewer": "Dr. A"}
    drawn = [LINE | {"points": points}, box]
    added = gateway.client.post(f"{path}/reviews", json=sent | {"measurements": drawn})
    assert added.status_code == 201, added.text
    (review,) = gateway.client.get(f"{path}/reviews").json()
    assert review == added.json()
    length = math.dist(*points)
    assert review["measurements"][0] == drawn[0] | {"size": pytest.approx(length), "unit": "mm"}
    address = f"{path}/reviews/{review['id']}"
    read = gateway.client.get(f"{address}/measurements").json()
    assert (read["reader"], read["measurements"][1]["voxels"]) == ("Dr. A", 12)
    table = gateway.client.get(f"{address}/measurements?format=csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 3
    report = gateway.client.get(f"{address}/report").json()
    assert report["reader_measurements"] == read
    assert report["measurements"] == gateway.client.get(f"{path}/report").json()["measurements"]
    check_problem(gateway.client.get(f"{address}/mask"), 404)
    with tessera_client.Client(str(gateway.client.base_url)) as client:
        job = path.rpartition("/")[2]
        assert client.reviews(job)[0].measurements[0].size == pytest.approx(length)
        plain = client.review(job, "accepted")
        mine = [tessera_client.ReaderMeasurement("a", "probe", (tuple(points[0]),))]
        kept = client.review(job, "accepted", measurements=mine)
        assert (plain.measurements, kept.measurements[0].kind) == ((), "probe")
    check_problem(gateway.client.get(f"{path}/reviews/{plain.id}/measurements"), 404)


def test_measurements_that_are_wrong_are_refused(finished: tuple[Gateway, str]) -> None:
    gateway, path = finished
    points = placed(gateway, path, (1, 1, 1), (3, 1, 1))
    good = LINE | {"points": points}
    bad: list[list[Any]] = [
        [good | {"points": [[9e5, 0, 0], [0, 0, 0]]}],
        [good | {"points": points[:1]}],
        [good | {"points": [*points, points[0]]}],
        [good | {"points": [[1, 1], [2, 2]]}],
        [good | {"points": [[1e9, 1, 1], [2, 2, 2]]}],
        [good | {"points": [["NaN", 1, 1], [2, 2, 2]]}],
        [good | {"points": [points[0], points[0]]}],
        [good | {"kind": "volume"}],
        [good | {"label": "x" * 201}],
        [good | {"label": "\0"}],
        [good | {"id": "a b"}],
        [good | {"size": 3}],
        [good, good],
        [good | {"id": f"n{n}"} for n in range(101)],
    ]
    for drawn in bad:
        sent = {"verdict": "accepted", "measurements": drawn}
        problem = check_problem(gateway.client.post(f"{path}/reviews", json=sent), 422)
        assert problem["detail"]
    assert gateway.client.get(f"{path}/reviews").json() == []
    many = [good | {"id": f"n{n}"} for n in range(100)]
    sent = {"verdict": "accepted", "measurements": many}
    assert gateway.client.post(f"{path}/reviews", json=sent).status_code == 201


def test_an_sr_of_what_a_reader_measured_is_downloaded_and_delivered(
    start_gateway: Start, tmp_path: Path
) -> None:
    """Of a review without a corrected mask: it refers to the job's own segmentation."""
    routes = tmp_path / "routes.toml"
    with archive((SR,)) as there:
        routes.write_text(
            f'[[peer]]\nname = "archive"\nhost = "127.0.0.1"\nport = {there.port}\n'
            'ae_title = "ARCHIVE"\n'
        )
        gateway = start_gateway(routing_table=str(routes), sweep_interval_s="0.1")
        corrected = Corrected(gateway)
        path = f"/v1/jobs/{corrected.job}"
        points = placed(gateway, path, (1, 2, 3), (6, 2, 3))
        sent = {"verdict": "accepted", "reviewer": "Dr. A"}
        drawn = [LINE | {"points": points}]
        review = gateway.client.post(f"{path}/reviews", json=sent | {"measurements": drawn}).json()
        asked = {"to": ["archive"], "review": review["id"]}
        refused = gateway.client.post(f"{path}/deliveries", json=asked | {"formats": ["dicom-seg"]})
        assert "no corrected mask" in str(check_problem(refused, 422)["detail"])
        gateway.client.post(f"{path}/deliveries", json=asked | {"formats": ["dicom-sr"]})
        until(lambda: len(there.objects) == 1)
    answer = gateway.client.get(f"{path}/reviews/{review['id']}/report?format=dicom-sr")
    report = hd.sr.Comprehensive3DSR.from_dataset(dcmread(BytesIO(answer.content)))
    assert there.objects[0].SOPInstanceUID == report.SOPInstanceUID
    (group,) = report.content.get_image_measurement_groups()  # type: ignore[attr-defined]
    (length,) = group.get_measurements()
    assert length.value == pytest.approx(math.dist(*points))
    seg = gateway.client.get(f"{path}/mask?format=dicom-seg").content
    (volume,) = report.content.get_volumetric_roi_measurement_groups()  # type: ignore[attr-defined]
    known = dcmread(BytesIO(seg)).SOPInstanceUID
    assert volume.referenced_segment.referenced_sop_instance_uid == known
