"""OHIF's calls, and what a browser asks before it lets OHIF make them."""

import json

import nrrd
import numpy as np
import pytest

from imaging.formats.mask_file import read
from tests.support.answers import check_problem
from tests.support.monai_label import FRIEND, SMALL, Served

ORIGIN = {"Origin": FRIEND}
RAW = {"params": json.dumps({"result_extension": ".nrrd", "result_compress": False})}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "DELETE"])
def test_preflight(served: Served, method: str) -> None:
    asks = {
        **ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    answer = served.http.options(f"/infer/{SMALL}", headers=asks)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert method in answer.headers["access-control-allow-methods"]


def test_other_sites_are_refused_on_the_second_port(served: Served) -> None:
    check_problem(served.http.get("/info/", headers={"Origin": "https://evil.example"}), 403)
    check_problem(served.http.get("/info/", headers={"Host": "evil.example"}), 421)


def test_info_then_a_bare_mask(served: Served) -> None:
    """Bare NRRD bytes, raw, first axis fastest: a viewer copies them as they are."""
    info = served.http.get("/info/", headers=ORIGIN)
    assert info.headers["access-control-allow-origin"] == FRIEND
    image = served.put(40, "for ohif")
    answer = served.http.post(
        f"/infer/{SMALL}?image={image}&output=image",
        files={"params": (None, RAW["params"])},
        headers=ORIGIN,
    )
    assert answer.headers["access-control-allow-origin"] == FRIEND
    head, _, voxels = answer.content.partition(b"\n\n")
    assert head.startswith(b"NRRD000")
    assert b"encoding: raw" in head
    (job,) = served.jobs(image)
    stored, bare = served.folder / "ohif.nii.gz", served.folder / "ohif.nrrd"
    stored.write_bytes(served.gateway.client.get(f"/v1/jobs/{job['id']}/mask").content)
    assert voxels == read(stored).astype(np.uint8).tobytes("F")
    bare.write_bytes(answer.content)
    np.testing.assert_array_equal(nrrd.read(str(bare))[0], read(stored))


def test_sixteen_bits_and_json_alone(served: Served) -> None:
    image = served.put(41, "wide")
    wide = {"params": json.dumps({"result_dtype": "uint16", "result_compress": False})}
    answer = served.http.post(f"/infer/{SMALL}?image={image}&output=image", data=wide)
    assert b"type: uint16" in answer.content.partition(b"\n\n")[0]
    assert len(answer.content.partition(b"\n\n")[2]) == 14 * 16 * 18 * 2
    told = served.http.post(f"/infer/{SMALL}?image={image}&output=json").json()
    assert told["label_names"] == {"a": 1, "b": 2}
    check_problem(served.http.post(f"/infer/{SMALL}?image={image}&output=dicom_seg"), 422)


def test_an_unknown_series(served: Served) -> None:
    """Where no PACS is configured, a series that did not come is not found."""
    answer = served.http.post(f"/infer/{SMALL}?image=1.2.826.0.1.3680043.8.498.1&output=image")
    check_problem(answer, 404, "3680043")
