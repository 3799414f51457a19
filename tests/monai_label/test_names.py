"""Names of images: what a SeriesInstanceUID shows is not decided by a name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from jobs.settings import Settings
from service.app import create_app
from tests.support.answers import check_problem
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.images import nifti_bytes
from tests.support.served_app import served

IMAGES = "/monai-label/datastore/image/info"
UNKNOWN = "2.25.99.1"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An application without accounts."""
    with served(create_app(Settings(data=Path(tmp_path_factory.mktemp("names"))))) as running:
        yield running


def _put(client: httpx.Client, name: str, content: bytes) -> httpx.Response:
    files = {"file": ("v.nii", content)}
    return client.put("/monai-label/datastore/", params={"image": name}, files=files)


def _sent(client: httpx.Client, seed: int, **changes: Any) -> str:
    images = series(3, seed=seed, **changes)
    files = [("files", (f"{n}.dcm", as_bytes(one))) for n, one in enumerate(images)]
    return str(client.post("/v1/scans", files=files).json()["id"])


def test_a_name_does_not_decide_what_a_uid_or_id_means(client: httpx.Client) -> None:
    uid, scan = str(series(1)[0].SeriesInstanceUID), _sent(client, 1)
    before = len(client.get("/v1/scans").json()["scans"])
    for seed, name in enumerate((uid, UNKNOWN, scan, "0" * 32)):
        check_problem(_put(client, name, nifti_bytes((20, 20, 20), seed)), 422, name)
    assert len(client.get("/v1/scans").json()["scans"]) == before
    client.post("/v1/scans", files={"files": (f"{UNKNOWN}.nii", nifti_bytes((20, 20, 20), 9))})
    check_problem(client.get(IMAGES, params={"image": UNKNOWN}), 404)
    own = _put(client, "4.25", as_bytes(series(1, seed=7, SeriesInstanceUID="4.25")[0]))
    assert own.status_code == 200, own.text
    assert client.get(IMAGES, params={"image": "4.25"}).json()["scans_of_series"] == 1


def test_a_later_copy_of_a_series_does_not_replace_it(client: httpx.Client) -> None:
    """The first of equally large ones counts, and `scans_of_series` says that there are others."""
    uid, first = str(series(1, seed=5)[0].SeriesInstanceUID), _sent(client, 5)
    noise = np.random.default_rng(0).integers(0, 4000, (32, 32), dtype=np.uint16).tobytes()
    assert _sent(client, 5, PixelData=noise, BitsStored=16, HighBit=15) != first
    info = client.get(IMAGES, params={"image": uid}).json()
    assert (info["name"], info["scans_of_series"]) == (f"{first}.nii.gz", 2)
