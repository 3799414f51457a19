"""GET /v1/scans/{id}/models: which model fits a scan."""

from typing import Any

from models.registry import ZOO
from tests.support.answers import check_problem
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes


def fits(gateway: Gateway, scan: str) -> dict[str, dict[str, Any]]:
    answer = gateway.client.get(f"/v1/scans/{scan}/models")
    assert answer.status_code == 200, answer.text
    return {one["model"]: one for one in answer.json()}


def test_a_head_and_a_crop_get_other_models(gateway: Gateway) -> None:
    for name in ("brain-mri-3d", "hippocampus-mri-3d"):
        scan = gateway.scan((ZOO / name / "sample.nii.gz").read_bytes(), f"{name}.nii.gz")
        ranks = [one for one in fits(gateway, scan) if (ZOO / one).is_dir()]
        assert ranks[0] == name


def test_a_scan_unlike_a_models_training_scans(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=77))
    brain = fits(gateway, scan)["brain-mri-3d"]
    (doubt,) = brain["doubts"]
    assert doubt["kind"] == "extent"
    assert "(training: 96 to 320 mm)" in doubt["text"]
    assert brain["channel"] == "mri"
    assert "modality" in brain["unknown"]


def test_images_are_offered_no_models_for_volumes(gateway: Gateway) -> None:
    image = gateway.scan((ZOO / "nuclei-2d" / "sample.png").read_bytes())
    assert "nuclei-2d" in fits(gateway, image)
    assert "brain-mri-3d" not in fits(gateway, image)


def test_no_such_scan(gateway: Gateway) -> None:
    check_problem(gateway.client.get("/v1/scans/none/models"), 404)
