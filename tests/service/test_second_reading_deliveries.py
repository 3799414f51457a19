"""The end of a second reading reaches others: a webhook receiver, and an archive by C-STORE."""

import json
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset

from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from jobs.blobs import open_blobs
from tests.support.dicom.archive import SEG, archive
from tests.support.dicom.headers import Acquired, blobs, files, series
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.waiting import until
from tests.support.webhook_receiver import SECRET, Receiver, is_signed, receiver

ROUTES = """
[[peer]]
name = "archive"
host = "127.0.0.1"
port = {archive}
ae_title = "ARCHIVE"
corrected_masks = true

[[webhook]]
name = "ris"
url = "http://127.0.0.1:{receiver}/hook"
secret_env = "RIS_SECRET"
private = true
events = ["reading.requested", "reading.disagreed", "reading.completed"]
"""


class Read:
    """A DICOM series with a finished job whose mask was delivered, put up for a second reading."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.acquired = gateway, series()
        sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(self.acquired))]
        self.scan = gateway.client.post("/v1/scans", files=sent).json()
        self.model_mask = (blobs() > 0).astype(np.uint8).transpose(2, 1, 0)
        self.job = str(gateway.job(scan=self.scan["id"], model="solid")["id"])
        run_job(gateway, self.job, self.model_mask)
        self.path = f"/v1/jobs/{self.job}"
        self.post("deliveries", to=["archive"], formats=["dicom-seg"])
        answer = gateway.client.put(f"{self.path}/second-reading", json={"min_dice": 1.0})
        assert answer.status_code == 200, answer.text

    def post(self, part: str, **body: Any) -> Any:
        answer = self.gateway.client.post(f"{self.path}/{part}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, part: str = "", **query: str) -> Any:
        return self.gateway.client.get(f"{self.path}{part}", params=query).json()

    def drawn(self, rows: int) -> np.ndarray:
        mask = self.model_mask.copy()
        mask[:rows, :2, 1] = 1 - mask[:rows, :2, 1]
        return mask

    def correct(self, reader: str, rows: int) -> None:
        """Sends a corrected label map, as 3D Slicer does."""
        label = self.gateway.data.parent / f"{reader}.nii.gz"
        with open_blobs(self.gateway.settings).local(self.scan["sha256"]) as path:
            write(label, self.drawn(rows), open_scan(path))
        answer = self.gateway.client.put(
            f"/monai-label/datastore/label?image={self.scan['series']}",
            files={"label": ("label.nii.gz", label.read_bytes())},
            data={"params": json.dumps({"client_id": reader})},
        )
        assert answer.status_code == 200, answer.text

    @property
    def sent(self) -> list[str | None]:
        """Whose masks are delivered, or are to be: ids of reviews; None is the model."""
        return [one["review"] for one in self.get("/deliveries")]


def pixels(seg: Dataset, acquired: Acquired) -> np.ndarray:
    """The mask of an object on the grid of the scan, as highdicom places it."""
    placed = hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_instance(
        [header.SOPInstanceUID for header in acquired.kept.headers],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    return np.asarray(placed.transpose(2, 1, 0))


def told(hook: Receiver, job: str) -> list[tuple[str, str | None]]:
    """Event and verdict of each message about a job, in the order in which they happened."""
    bodies = [json.loads(request.body) for request in hook.requests]
    mine = [body for body in bodies if body["data"]["job"] == job]
    mine.sort(key=lambda body: str(body["timestamp"]))
    return [(body["type"], body["data"]["verdict"]) for body in mine]


def test_the_verdict_of_a_second_reading_reaches_an_archive_and_a_webhook(
    start_gateway: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of one reader leaves before the verdict; then its mask does, and one event."""
    monkeypatch.setenv("RIS_SECRET", SECRET)
    routes = tmp_path / "routes.toml"
    with archive((SEG,)) as there, receiver() as hook:
        routes.write_text(ROUTES.format(archive=there.port, receiver=hook.port))
        gateway = start_gateway(routing_table=str(routes), sweep_interval_s="0.1")
        read = Read(gateway)
        until(lambda: len(there.objects) == 1)
        read.correct("Ann", 1)
        assert read.sent == [None]
        read.correct("Bob", 2)
        events = [("reading.requested", None), ("reading.disagreed", None)]
        until(lambda: told(hook, read.job) == events)
        assert read.sent == [None], "no verdict, no delivery"
        first, second = read.get("/reviews", reader="Cem")
        decide = {"verdict": "corrected", "adjudicates": True, "seen": second["id"]}
        decided = read.post("reviews", reviewer="Cem", mask_of=first["id"], **decide)
        assert read.sent == [None, decided["id"]]
        until(lambda: told(hook, read.job) == [*events, ("reading.completed", "corrected")])
        until(lambda: len(there.objects) == 2)
        check_delivered(read, there.objects, 1)
        assert read.get()["verdict"] == "corrected"
        assert len(hook.requests) == 3
        for request in hook.requests:
            assert is_signed(request, SECRET)
            assert not any(name in request.body for name in (b"Ann", b"Bob", b"Cem"))


def test_the_mask_that_both_readers_drew_reaches_an_archive(
    start_gateway: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They agree: nobody decides, and one mask is sent."""
    monkeypatch.setenv("RIS_SECRET", SECRET)
    routes = tmp_path / "routes.toml"
    with archive((SEG,)) as there, receiver() as hook:
        routes.write_text(ROUTES.format(archive=there.port, receiver=hook.port))
        gateway = start_gateway(routing_table=str(routes), sweep_interval_s="0.1")
        read = Read(gateway)
        read.correct("Ann", 2)
        read.correct("Bob", 2)
        events = [("reading.requested", None), ("reading.completed", "corrected")]
        until(lambda: told(hook, read.job) == events)
        assert read.sent == [None, read.get("/second-reading")["review"]]
        until(lambda: len(there.objects) == 2)
        check_delivered(read, there.objects, 2)


def check_delivered(read: Read, objects: list[Dataset], rows: int) -> None:
    """The model's mask and the corrected one, which is marked as such."""
    found = {one.SegmentSequence[-1].SegmentAlgorithmType: one for one in objects}
    expected = {"AUTOMATIC": read.model_mask, "SEMIAUTOMATIC": read.drawn(rows)}
    assert found.keys() == expected.keys()
    for kind, mask in expected.items():
        assert np.array_equal(pixels(found[kind], read.acquired), mask), kind
