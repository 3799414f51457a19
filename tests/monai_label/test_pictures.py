"""Pictures: objects that are numbered, and labels on the volume that a viewer was given."""

import io
import json
from pathlib import Path

import nibabel
import nrrd
import numpy as np
from PIL import Image

from imaging.formats.mask_file import read
from service.monai_label.label_map import matched
from tests.support.monai_label import Served


def _picture(seed: int) -> bytes:
    """Bright discs on a dark ground, with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:96, :120]
    grey = rng.normal(30, 5, rows.shape)
    for row, column in ((20, 20), (30, 80), (70, 40), (75, 100)):
        grey[(rows - row) ** 2 + (columns - column) ** 2 < 81] = 180
    out = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB").save(out, "png")
    return out.getvalue()


def test_numbered_objects(served: Served) -> None:
    answer = served.http.put("/datastore/?image=cells", files={"file": ("c.png", _picture(1))})
    assert answer.status_code == 200, answer.text
    wanted = {"params": json.dumps({"result_compress": False})}
    told = served.http.post("/infer/nuclei-2d?image=cells&output=json", data=wanted).json()
    count = len(told["label_names"])
    assert count >= 1
    assert list(told["label_names"].values()) == list(range(1, count + 1))
    bare = served.folder / "cells.nrrd"
    answer = served.http.post("/infer/nuclei-2d?image=cells&output=image", data=wanted)
    bare.write_bytes(answer.content)
    (job,) = served.jobs("cells")
    stored = served.folder / "cells.png"
    stored.write_bytes(served.gateway.client.get(f"/v1/jobs/{job['id']}/mask").content)
    mask = read(stored, 2)
    assert mask.max() == count
    shown = nrrd.read(str(bare))[0]
    np.testing.assert_array_equal(shown[..., 0].T[::-1], mask)
    label_info = [{"name": name, "idx": n} for name, n in told["label_names"].items()]
    answer = served.http.put(
        "/datastore/label?image=cells",
        data={"params": json.dumps({"label_info": label_info})},
        files={"label": ("cells.nrrd", bare.read_bytes())},
    )
    assert answer.status_code == 200, answer.text
    (review,) = served.gateway.client.get(f"/v1/jobs/{job['id']}/reviews").json()
    assert review["mask_format"] == "png"
    _same_label(served, "cells", mask)


def test_a_label_on_the_volume_that_was_shown(served: Served) -> None:
    """A label drawn on the NIfTI of a picture, and one drawn on the picture itself, are one."""
    served.http.put("/datastore/?image=flat", files={"file": ("f.png", _picture(2))})
    volume = served.folder / "flat.nii.gz"
    volume.write_bytes(served.http.get("/datastore/image?image=flat").content)
    shown = nibabel.load(volume)
    drawn = np.zeros(shown.shape, np.uint8)
    drawn[5:30, 10:14] = 2
    label = served.folder / "flat-label.nii.gz"
    nibabel.save(nibabel.Nifti1Image(drawn, shown.affine), label)
    mask = drawn[..., 0].T[::-1]
    out = io.BytesIO()
    Image.fromarray(mask.copy()).save(out, "png")
    for name, content in (("l.nii.gz", label.read_bytes()), ("l.png", out.getvalue())):
        answer = served.http.put("/datastore/label?image=flat", files={"label": (name, content)})
        assert answer.status_code == 200, answer.text
        _same_label(served, "flat", mask)
    small = nibabel.Nifti1Image(drawn[:-1], shown.affine)
    nibabel.save(small, label)
    files = {"label": ("l.nii.gz", label.read_bytes())}
    assert served.http.put("/datastore/label?image=flat", files=files).status_code == 422


def _same_label(served: Served, image: str, mask: np.ndarray) -> None:
    answer = served.http.get("/datastore/label", params={"label": image, "tag": "final"})
    assert answer.headers["content-type"] == "image/png"
    path = Path(served.folder / "label.png")
    path.write_bytes(answer.content)
    np.testing.assert_array_equal(read(path, 2), mask)


def test_no_numbers_at_all() -> None:
    """An empty label map is the newest job's, or drawn by hand."""
    nothing = np.zeros((2, 3, 4), np.uint16)
    assert matched(nothing, {}, []).job is None
    assert matched(nothing, {1: "a"}, []).numbers.dtype == np.uint8
