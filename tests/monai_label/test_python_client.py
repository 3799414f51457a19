"""The unmodified Python client of MONAI Label does its work against Tessera."""

import sys
import warnings
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest

from imaging.formats.mask_file import read
from tests.support.monai_label import AFFINE, SMALL, SPARSE, Served

if sys.version_info >= (3, 13):
    pytest.skip("its client imports `cgi`, which Python 3.13 lacks", allow_module_level=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # `cgi` says that it will go
    from monailabel.client import MONAILabelClient
    from monailabel.client.client import MONAILabelClientException

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it leaves files and sockets open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def client(served: Served) -> Any:
    return MONAILabelClient(served.address, tmpdir=str(served.folder))


def test_it_connects(client: Any) -> None:
    """Given the address alone, it sees no sign-in, the models, and no training."""
    assert client.auth_enabled() is False
    assert client.auth_valid_token() is True
    info = client.info()
    assert "config" not in info, "3D Slicer takes it for a server that must be upgraded"
    assert info["models"][SMALL]["type"] == "segmentation"
    assert info["models"][SMALL]["dimension"] == 3
    assert info["models"][SMALL]["labels"] == {"a": 1, "b": 2}
    assert info["models"][SPARSE]["labels"] == {"early": 1, "late": 2}
    assert "contrasts" not in info["models"], "it needs two images, and clients send one"
    assert {"a", "b", "early", "late"} <= set(info["labels"])
    assert {"total", "completed", "label_tags"} <= set(info["datastore"])
    assert client.train_status(check_if_running=True) is False


def test_upload_infer_save_download(served: Served, client: Any) -> None:
    """An image goes in, its mask comes out byte for byte, a corrected label is kept and given."""
    path = served.volume(1)
    image = client.upload_image(str(path), "case 1")["image"]
    assert image == "case 1"
    assert client.datastore()["objects"]["case 1"]["image"]["info"]["shape"] == [14, 16, 18]
    result, params = client.infer(SMALL, image, {"result_dtype": "uint8"})
    assert params["label_names"] == {"a": 1, "b": 2}
    assert set(params["latencies"]) == {"pre", "infer", "invert", "post", "write", "total"}
    (job,) = served.jobs(image)
    assert (job["priority"], job["state"]) == (9, "succeeded")
    assert Path(result).read_bytes() == _nrrd_of(served, job["id"])
    voxels, header = nrrd.read(result)
    assert set(np.unique(voxels)) == {0, 1, 2}
    lps = np.diag([-1, -1, 1]) @ AFFINE[:3]
    np.testing.assert_allclose(np.array(header["space directions"]), lps[:, :3].T, atol=1e-6)
    np.testing.assert_allclose(header["space origin"], lps[:, 3], atol=1e-6)
    assert client.infer(SMALL, image, {})[1]["job"] == job["id"], "the mask that there is"

    voxels[3:6, 2:9, 4:8] = 2
    corrected = served.folder / "corrected.nrrd"
    nrrd.write(str(corrected), voxels, header)
    told = [{"name": "a", "idx": 1}, {"name": "b", "idx": 2}]
    client.save_label(image, str(corrected), params={"label_info": told})
    (review,) = served.gateway.client.get(f"/v1/jobs/{job['id']}/reviews").json()
    assert (review["verdict"], review["mask_format"]) == ("corrected", "nifti")
    kept = served.gateway.client.get(f"/v1/jobs/{job['id']}/reviews/{review['id']}/mask")
    downloaded = Path(client.download_label(image, "final"))
    assert downloaded.read_bytes() == kept.content
    assert downloaded.name.endswith(".nii.gz")
    label = nibabel.load(downloaded)
    np.testing.assert_array_equal(np.asarray(label.dataobj), voxels)
    np.testing.assert_allclose(label.affine, AFFINE, atol=1e-5)
    objects = client.datastore()["objects"]
    assert set(objects[image]["labels"]) == {"original", "final"}
    original = client.download_label(image, "original")
    mask = served.gateway.client.get(f"/v1/jobs/{job['id']}/mask").content
    assert Path(original).read_bytes() == mask
    assert served.gateway.client.get(f"/v1/jobs/{job['id']}").json()["verdict"] == "corrected"


def _nrrd_of(served: Served, job: str) -> bytes:
    """The job's mask as Tessera's own address gives it."""
    return served.gateway.client.get(f"/v1/jobs/{job}/mask?format=nrrd").content


def test_labels_that_are_not_contiguous(served: Served, client: Any) -> None:
    """Given label values 3 and 7, the result counts 1 and 2, and a label comes back as 3 and 7."""
    image = client.upload_image(str(served.volume(2)), "sparse case")["image"]
    result, params = client.infer(SPARSE, image, {"result_extension": ".nii.gz"})
    assert params["label_names"] == {"early": 1, "late": 2}
    assert result.endswith(".nii.gz")
    voxels = np.asarray(nibabel.load(result).dataobj)
    (job,) = served.jobs(image)
    stored = served.folder / "sparse.nii.gz"
    stored.write_bytes(served.gateway.client.get(f"/v1/jobs/{job['id']}/mask").content)
    np.testing.assert_array_equal(np.array([0, 3, 7])[voxels], read(stored))
    told = [{"name": "late", "idx": 2}, {"name": "early", "idx": 1}]
    client.save_label(image, result, params={"label_info": told})
    np.testing.assert_array_equal(read(Path(client.download_label(image, "final"))), read(stored))


def test_a_file_with_the_inference(served: Served, client: Any) -> None:
    """Given a file instead of an image's name, it is taken in and segmented."""
    path = served.volume(3)
    result, params = client.infer(SMALL, "given along", {}, file=str(path))
    assert Path(result).read_bytes() == _nrrd_of(served, params["job"])
    assert served.scan("given along")["name"] == path.name, "the base name of the client's path"


def test_a_session(served: Served, client: Any) -> None:
    """An image that came in a session is segmented, and goes with the session."""
    path = served.volume(4)
    made = client.create_session(str(path))
    session = made["session_id"]
    assert client.get_session(session)["expiry"] == 3600
    fetched = served.http.get(f"/session/{session}?image=true")
    assert fetched.content == path.read_bytes()
    result, params = client.infer(SMALL, "", {}, session_id=session)
    assert Path(result).read_bytes() == _nrrd_of(served, params["job"])
    scans = served.gateway.client.get("/v1/scans?limit=200").json()["scans"]
    assert path.name in {scan["name"] for scan in scans}
    client.remove_session(session)
    scans = served.gateway.client.get("/v1/scans?limit=200").json()["scans"]
    assert path.name not in {scan["name"] for scan in scans}
    assert served.gateway.client.get(f"/v1/jobs/{params['job']}").status_code == 404
    with pytest.raises(MONAILabelClientException) as over:
        client.get_session(session)
    assert over.value.status_code == 404


def test_what_is_refused_is_said(served: Served, client: Any) -> None:
    """The client's own exceptions bear the problem's status and sentences."""
    for ask in (
        lambda: client.infer("none", "none", {}),
        lambda: client.infer(SMALL, "no such image", {}),
        lambda: client.next_sample("none", {}),
        lambda: client.train_start(SMALL, {}),
        lambda: client.download_label("no such image", "final"),
    ):
        with pytest.raises(MONAILabelClientException) as refused:
            ask()
        said = refused.value.msg
        assert "urn:tessera:" in said
        assert "hint" in said


def test_next_sample_until_all_are_done(served: Served, client: Any) -> None:
    """Each strategy gives images without a final label; {} when every one has its own."""
    for seed in (5, 6):
        served.put(seed)
    seen: set[Any] = set()
    while sample := client.next_sample("first" if len(seen) % 2 else "random", {}):
        assert sample["id"] not in seen
        assert {"id", "weight", "name", "ts", "strategy"} <= set(sample)
        seen.add(sample["id"])
        image = _image(served, sample["id"])
        drawn = served.folder / "drawn.nii.gz"
        nothing = np.zeros(image.shape, np.uint8)
        nibabel.save(nibabel.Nifti1Image(nothing, image.affine), drawn)
        client.save_label(sample["id"], str(drawn))
    assert len(seen) >= 2
    store = client.info()["datastore"]
    assert store["total"] == store["completed"] == store["label_tags"]["final"]


def _image(served: Served, image: str) -> nibabel.Nifti1Image:
    """As Slicer fetches it: without any header of its own."""
    answer = served.http.get("/datastore/image", params={"image": image})
    assert answer.status_code == 200
    path = served.folder / "image.nii.gz"
    path.write_bytes(answer.content)
    return nibabel.load(path)
