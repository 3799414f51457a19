"""The inbox: what is complete, what is kept for how long, what outlives a restart."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import RLELossless

from imaging.errors import BadRequest, UnreadableScan
from jobs.settings import Settings
from service.dicom.series_inbox import DuplicateInstance, SeriesInbox
from service.resources.pseudonyms import pseudonym_secret
from tests.support.dicom.mr_series import as_bytes, series


def inbox(tmp_path: Path, **changes: Any) -> SeriesInbox:
    return SeriesInbox(
        Settings(
            data=tmp_path,
            **{"dicom_series_idle_s": 0.05, "dicom_series_timeout_s": 0.05, **changes},
        )
    )


def put(box: SeriesInbox, images: list[Dataset], sender: int = 1) -> None:
    for image in images:
        box.receive([as_bytes(image)], image.SOPInstanceUID, sender)


def names(box: SeriesInbox) -> list[str]:
    return [arrived.name for arrived in box.complete()]


def test_complete_when_senders_have_gone_and_it_is_quiet(tmp_path: Path) -> None:
    """Of two associations that bring parts of a series, both must end."""
    box, images = inbox(tmp_path, dicom_series_timeout_s=60), series(4)
    put(box, images[:2], sender=1)
    put(box, images[2:], sender=2)
    put(box, series(2, seed=2), sender=3)
    time.sleep(0.06)
    assert names(box) == []
    box.association_ended(3, released=True)
    box.association_ended(1, released=True)
    assert names(box) == []
    time.sleep(0.06)
    assert len(names(box)) == 1
    box.association_ended(2, released=True)
    time.sleep(0.06)
    (_, whole) = sorted(box.complete(), key=lambda one: len(one.files))
    assert len(whole.files) == 4
    box.close()


def test_a_sender_that_stays_or_broke_off_is_waited_for_longer(tmp_path: Path) -> None:
    """Where it comes again and ends well, the series is complete as any other."""
    box = inbox(tmp_path, dicom_series_timeout_s=0.4)
    put(box, series(2), sender=1)
    put(box, series(2, seed=2), sender=2)
    put(box, series(2, seed=3), sender=3)
    box.association_ended(2, released=False)
    box.association_ended(3, released=False)
    put(box, series(2, seed=3), sender=4)
    box.association_ended(4, released=True)
    time.sleep(0.1)
    assert len(names(box)) == 1
    time.sleep(0.35)
    assert len(names(box)) == 3
    box.close()


def test_outlives_a_restart(tmp_path: Path) -> None:
    """What was not taken in is found again, what was is not, what grew is."""
    box = inbox(tmp_path)
    put(box, series(2))
    box.close()
    box = inbox(tmp_path)
    time.sleep(0.06)
    (arrived,) = box.complete()
    box.mark_taken(arrived)
    assert names(box) == []
    box.close()
    box = inbox(tmp_path)
    time.sleep(0.06)
    assert names(box) == []
    put(box, series(3)[2:])
    box.close()
    box = inbox(tmp_path)
    time.sleep(0.06)
    (arrived,) = box.complete()
    assert len(arrived.files) == 3
    box.close()


def test_what_grows_while_it_is_taken_in_is_taken_in_again(tmp_path: Path) -> None:
    box, images = inbox(tmp_path), series(3)
    put(box, images[:2])
    box.association_ended(1, released=True)
    time.sleep(0.06)
    (arrived,) = box.complete()
    put(box, images[2:])
    box.refuse(arrived, {"title": "a hole"})
    assert not list((tmp_path / "refused").iterdir())
    box.mark_taken(arrived)
    box.association_ended(1, released=True)
    time.sleep(0.06)
    (arrived,) = box.complete()
    assert len(arrived.files) == 3
    box.close()


def test_kept_for_a_while(tmp_path: Path) -> None:
    """Taken and refused series go when their time is over, others never."""
    box = inbox(tmp_path, dicom_series_keep_s=100, dicom_refused_keep_s=200)
    for seed in (1, 2, 3):
        put(box, series(2, seed=seed))
    box.association_ended(1, released=True)
    time.sleep(0.06)
    taken, refused, _ = box.complete()
    box.mark_taken(taken)
    box.refuse(refused, {"title": "a hole"})
    marker = tmp_path / "inbox" / taken.name / ".taken"
    problem = tmp_path / "refused" / refused.name / "problem.json"
    box.delete_old()
    assert marker.exists()
    assert problem.exists()
    for path, age in ((marker, 101), (problem, 101)):
        os.utime(path, (time.time() - age,) * 2)
    box.delete_old()
    assert not marker.parent.exists()
    assert problem.exists()
    os.utime(problem, (time.time() - 201,) * 2)
    box.delete_old()
    assert not problem.parent.exists()
    assert len(names(box)) == 1
    box.close()


def test_one_receiver_for_a_folder(tmp_path: Path) -> None:
    box = inbox(tmp_path)
    with pytest.raises(BadRequest):
        inbox(tmp_path)
    box.close()
    inbox(tmp_path).close()


def test_only_whole_instances_that_were_announced(tmp_path: Path) -> None:
    box, (image, other) = inbox(tmp_path), series(2)
    with pytest.raises(UnreadableScan):
        box.receive([b"rubbish"], image.SOPInstanceUID, 1)
    with pytest.raises(BadRequest):
        box.receive([as_bytes(other)], image.SOPInstanceUID, 1)
    assert not list((tmp_path / "inbox").rglob("*.dcm"))
    box.close()


def test_other_pixels_under_a_known_uid_are_refused(tmp_path: Path) -> None:
    """The first image is kept; the same bytes again are fine; another position is refused, too."""
    box, (image, second) = inbox(tmp_path), series(2)
    put(box, [image, second])
    (folder,) = [path for path in (tmp_path / "inbox").iterdir() if path.name[0] != "."]
    kept = {path: path.read_bytes() for path in folder.glob("*.dcm")}
    put(box, [image])
    for changes in (
        {"PixelData": bytes(len(image.PixelData))},
        {"ImagePositionPatient": [0, 0, 99]},
        {"RescaleSlope": "2", "RescaleIntercept": "0"},
        {"Rows": 16, "Columns": 64},
        {"PixelData": b"12"},
    ):
        changed = series(1, **changes)[0]
        with pytest.raises(DuplicateInstance):
            put(box, [changed])
    assert {path: path.read_bytes() for path in folder.glob("*.dcm")} == kept
    box.close()


def test_a_corrected_name_or_another_encoding_replaces_an_image(tmp_path: Path) -> None:
    box, (image,) = inbox(tmp_path), series(1)
    (renamed,), (compressed,) = series(1, PatientName="Right^Name"), series(1)
    compressed.compress(RLELossless, generate_instance_uid=False)
    for one in (image, renamed, compressed):
        put(box, [one])
        (path,) = (tmp_path / "inbox").rglob("*.dcm")
        assert path.read_bytes() == as_bytes(one)
    box.close()


def test_a_refused_image_may_be_corrected(tmp_path: Path) -> None:
    box, (image,) = inbox(tmp_path), series(1)
    put(box, [image])
    box.association_ended(1, released=True)
    time.sleep(0.06)
    (arrived,) = box.complete()
    box.refuse(arrived, {"title": "no position"})
    (corrected,) = series(1, ImagePositionPatient=[0, 0, 99])
    put(box, [corrected])
    (path,) = (tmp_path / "inbox").rglob("*.dcm")
    assert path.read_bytes() == as_bytes(corrected)
    box.close()


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new")
    secret = pseudonym_secret(settings)
    assert len(secret) == 32
    assert pseudonym_secret(settings) == secret
    assert (tmp_path / "new" / "pseudonyms.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pseudonyms.key"]
    assert pseudonym_secret(Settings(data=tmp_path, pseudonym_secret="given")) == b"given"
