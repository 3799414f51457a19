"""A model that is made of others, ordered from a real gateway and computed by a real worker."""

import gzip
from pathlib import Path
from typing import Any

import httpx
import nibabel as nib
import numpy as np
import pytest

from imaging.formats.sniff import open_scan
from inference.engine import Engine
from inference.options import RunOptions
from models.any_card import parse_card
from models.combination import Combination
from models.registry import Registry
from tests.support.ports import free_port

OPTIONS = {"device": "cpu", "precision": "fp32", "tile": [24, 24, 24]}
PARTS = [
    {"model": "small", "labels": [{"label": 1, "value": 3}, {"label": 2, "value": 1}]},
    {"model": "deep", "labels": [{"label": 2, "value": 7, "name": "c"}]},
]


@pytest.fixture
def registry(idle_cluster: Any) -> Registry:
    """With `whole`: `small` and, over it, a label of `deep`."""
    folder = idle_cluster.settings.added_models
    idle_cluster.network(folder / "deep", "deep", 8, layers=8)
    registry = Registry(folder)
    stated = {"name": "whole", "version": "3", "title": "All", "parts": PARTS}
    registry.add_combination(Combination.model_validate(stated))
    return registry


def painted(registry: Registry, scan: Path) -> Any:
    engine = Engine(registry, "cpu", threads=1)
    small, deep = (
        engine.run({"image": open_scan(scan)}, registry.get(name), RunOptions("cpu", "fp32")).mask
        for name in ("small", "deep")
    )
    return np.where(deep == 2, 7, np.select([small == 1, small == 2], [3, 1], 0))


@pytest.mark.slow
@pytest.mark.process
def test_ordered_computed_cancelled(idle_cluster: Any, registry: Registry, tmp_path: Path) -> None:
    cluster, port = idle_cluster, free_port()
    path = cluster.noise(tmp_path / "whole.nii", 48)
    expected = painted(registry, path)
    assert set(np.unique(expected)) == {0, 1, 3, 7}
    cluster.worker()
    with cluster.gateway(TESSERA_MONAI_LABEL_PORT=str(port)) as (client, _):
        listed = {model["name"]: model for model in client.get("/v1/models").json()}["whole"]
        assert listed["labels"][-1]["name"] == "c"
        card = registry.get("whole").card
        assert parse_card(client.get("/v1/models/whole").json()["card"]) == card
        scans = [
            client.post("/v1/scans", files={"files": (one.name, one.read_bytes())}).json()["id"]
            for one in (path, cluster.noise(tmp_path / "large.nii", 160))
        ]
        orders = [{"scan": scan, "model": "whole", "options": OPTIONS} for scan in scans]
        done, long = (client.post("/v1/jobs", json=order).json()["id"] for order in orders)
        cluster.until(lambda: cluster.over(done))
        assert cluster.job(done).model_sha256 == card.checksum
        answer = client.get(f"/v1/jobs/{done}/mask").content
        mask = nib.Nifti1Image.from_bytes(gzip.decompress(answer))
        np.testing.assert_array_equal(np.asarray(mask.dataobj), expected)
        report = client.get(f"/v1/jobs/{done}/report").json()
        assert [part["model"]["name"] for part in report["parts"]] == ["small", "deep"]
        assert report["tiling"] == {"kind": "parts", "tiles": 27 + 64}
        assert (report["device"], report["precision"]) == ("cpu", "fp32")

        cluster.begun(long, tiles=1)
        assert client.post(f"/v1/jobs/{long}/cancel").json()["state"] == "cancelled"
        again = client.post("/v1/jobs", json=orders[0]).json()["id"]
        cluster.until(lambda: cluster.over(again))
        assert cluster.job(long).mask_sha256 is None

        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            labels = http.get("/info/").json()["models"]["whole"]["labels"]
            assert list(labels) == ["b", "a", "c"]
            with path.open("rb") as file:
                image = http.put("/datastore/", files={"file": ("v.nii", file)}).json()["image"]
            for _ in range(2):  # the second finds the mask of the first
                made = http.post(f"/infer/whole?image={image}&output=image")
                assert made.status_code == 200, made.text
        jobs = client.get("/v1/jobs?limit=200").json()["jobs"]
        assert len(jobs) == 4
