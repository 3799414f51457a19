"""3D Slicer's sequence of calls, replayed call by call as its plug-in makes them."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import httpx
import nibabel
import nrrd
import numpy as np

from tests.support.monai_label import SMALL, Served

MARK = "----------lImIt_of_THE_fIle_eW_$"


def _form(fields: dict[str, str], files: dict[str, Path]) -> tuple[bytes, dict[str, str]]:
    """A form as the plug-in's client builds it: whole local paths, and a line end too many."""
    body = bytearray()
    for name, value in fields.items():
        body += f'--{MARK}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        body += value.encode() + b"\r\n"
    for name, path in files.items():
        head = f'--{MARK}\r\nContent-Disposition: form-data; name="{name}"; filename="{path}"'
        body += f"{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        body += path.read_bytes() + b"\r\n"
    body += f"--{MARK}--\r\n\r\n".encode()
    return bytes(body), {"Content-Type": f"multipart/form-data; boundary={MARK}"}


def _parts(answer: httpx.Response) -> dict[str, tuple[str | None, bytes]]:
    """Name -> (file name, content), parsed by the standard library."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    found: dict[str, tuple[str | None, bytes]] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[str(part.get_param("name", header="content-disposition"))] = (
            part.get_filename(),
            content,
        )
    return found


def _put(served: Served, address: str, fields: dict[str, Any], files: dict[str, Path]) -> Any:
    body, headers = _form({"params": json.dumps(fields)}, files)
    answer = served.http.put(address, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_connect_segment_correct_submit_next(served: Served) -> None:
    http = served.http
    assert http.get("/auth/").json()["enabled"] is False
    before = http.get("/info/").json()
    assert http.get("/auth/").status_code == 200
    assert http.get("/train/?check_if_running=true").status_code == 404

    path = served.volume(20)
    made = _put(served, "/datastore/?image=MRHead%2020", {"client_id": "user-xyz"}, {"file": path})
    assert made == {"image": "MRHead 20"}
    wanted = {"result_extension": ".nrrd", "result_dtype": "uint8", "client_id": "user-xyz"}
    body, headers = _form({"params": json.dumps(wanted)}, {})
    answer = http.post(f"/infer/{SMALL}?image=MRHead+20", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert "transfer-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    parts = _parts(answer)
    assert set(parts) == {"params", "image"}
    name, content = parts["image"]
    assert parts["params"][0] is None
    assert name is not None
    assert name.endswith(".nrrd")
    params = json.loads(parts["params"][1])
    assert params["label_names"] == {"a": 1, "b": 2}

    result = served.folder / "slicer.nrrd"
    result.write_bytes(content)
    voxels, header = nrrd.read(str(result))
    voxels[2:5] = 1
    label = served.folder / "slicer-label.nrrd"
    nrrd.write(str(label), voxels, header)
    told = {"label_info": [{"name": "a", "idx": 1}, {"name": "b", "idx": 2}]}
    saved = _put(served, "/datastore/label?image=MRHead+20", told, {"label": label})
    assert set(saved) == {"image", "label"}
    after = http.get("/info/").json()
    done = after["datastore"]["completed"] - before["datastore"]["completed"]
    assert done == 1

    served.put(21)
    sample = http.post("/activelearning/random", json={"client_id": "user-xyz"}).json()
    fetched = httpx.get(f"{served.address}/datastore/image", params={"image": sample["id"]})
    assert fetched.status_code == 200
    assert f'filename="{sample["name"]}"' in fetched.headers["content-disposition"]
    assert httpx.head(f"{served.address}/datastore/image?image={sample['id']}").status_code == 200


def test_the_image_comes_back_as_it_was_sent(served: Served) -> None:
    image = served.put(22, "sent")
    assert served.http.get("/datastore/image?image=sent").content == served.volume(22).read_bytes()
    info = served.http.get(f"/datastore/image/info?image={image}").json()
    assert info["shape"] == [14, 16, 18]


def test_a_label_drawn_by_hand(served: Served) -> None:
    """Given no mask of any network, the label is kept all the same, with its names."""
    image, path = served.put(23, "by hand"), served.volume(23)
    voxels = np.zeros((14, 16, 18), np.uint8)
    voxels[2:5, 3:6, 4:7] = 9
    label = served.folder / "hand.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, nibabel.load(path).affine), label)
    told = {"label_info": [{"name": "lesion", "idx": 9}]}
    _put(served, f"/datastore/label?image={image}&tag=final", told, {"label": label})
    assert served.jobs(image) == []
    info = served.http.get(f"/datastore/label/info?label={image}&tag=final").json()
    assert info["label_info"] == told["label_info"]
    label.write_bytes(served.http.get(f"/datastore/label?label={image}&tag=final").content)
    np.testing.assert_array_equal(np.asarray(nibabel.load(label).dataobj), voxels)
    assert served.http.head(f"/datastore/label?image={image}&tag=final").status_code == 200
    assert served.http.delete(f"/datastore/label?id={image}&tag=final").json() == {}
    assert served.http.get(f"/datastore/label?label={image}&tag=final").status_code == 404
    assert served.http.head(f"/datastore/label?image={image}&tag=final").status_code == 404


def test_a_label_with_a_name_that_no_model_has(served: Served) -> None:
    """Given a segment of the reader's own beside the model's, nothing is lost or renamed."""
    image = served.put(24, "own segment")
    answer = served.http.post(f"/infer/{SMALL}?image={image}&output=image")
    result = served.folder / "own.nrrd"
    result.write_bytes(answer.content)
    voxels, header = nrrd.read(str(result))
    voxels[:3] = 3
    nrrd.write(str(result), voxels, header)
    names = [{"name": name, "idx": n} for n, name in enumerate(("a", "b", "lesion"), 1)]
    address = f"/datastore/label?image={image}"
    _put(served, address, {"label_info": names}, {"label": result})
    (job,) = served.jobs(image)
    assert served.gateway.client.get(f"/v1/jobs/{job['id']}/reviews").json() == []
    kept = served.folder / "own.nii.gz"
    kept.write_bytes(served.http.get("/datastore/label", params={"label": image}).content)
    np.testing.assert_array_equal(np.asarray(nibabel.load(kept).dataobj), voxels)


def test_deleting_a_label_takes_its_verdict_back(served: Served) -> None:
    image = served.put(25, "taken back")
    answer = served.http.post(f"/infer/{SMALL}?image={image}&output=image")
    label = served.folder / "taken.nrrd"
    label.write_bytes(answer.content)
    (job,) = served.jobs(image)
    at = f"/v1/jobs/{job['id']}"
    served.gateway.client.post(f"{at}/reviews", json={"verdict": "rejected"})
    _put(served, f"/datastore/label?image={image}", {}, {"label": label})
    assert served.gateway.client.get(at).json()["verdict"] == "corrected"
    assert served.http.delete(f"/datastore/label?id={image}&tag=final").json() == {}
    assert served.gateway.client.get(at).json()["verdict"] == "rejected"
    assert len(served.gateway.client.get(f"{at}/reviews").json()) == 1


def test_notes_on_images_and_labels(served: Served) -> None:
    image = served.put(26, "noted")
    body, headers = _form({"info": '{"mood": "good"}'}, {})
    answer = served.http.put(f"/datastore/image/info?image={image}", content=body, headers=headers)
    assert answer.status_code == 200
    assert served.http.get(f"/datastore/image/info?image={image}").json()["mood"] == "good"
    label = served.folder / "noted.nrrd"
    label.write_bytes(served.http.post(f"/infer/{SMALL}?image={image}&output=image").content)
    _put(served, f"/datastore/label?image={image}", {"by": "R1"}, {"label": label})
    body, headers = _form({"params": '{"status": "approved"}'}, {})
    address = f"/datastore/updatelabelinfo?label={image}&tag=final"
    assert served.http.put(address, content=body, headers=headers).status_code == 200
    info = served.http.get(f"/datastore/label/info?label={image}&tag=final").json()
    assert info["status"] == "approved"


def test_many_at_once(served: Served) -> None:
    """All images of the model's dimension are segmented in one batch."""
    image = served.put(27, "in a batch")
    begun = served.http.post(f"/batch/infer/{SMALL}?images=all", json={}).json()
    assert begun["status"] == "RUNNING"
    now = served.http.get("/batch/infer/").json()
    assert now["id"] == begun["id"]
    assert served.jobs(image)
    served.http.delete("/batch/infer/")
