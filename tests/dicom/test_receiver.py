"""C-STORE and C-ECHO: what is accepted is on the disk, what is not is rejected and no harm."""

import contextlib
import io
import os
import socket
import time
from typing import Any, cast

import imagecodecs
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    EnhancedCTImageStorage,
    EnhancedXAImageStorage,
    JPEG2000Lossless,
    MRImageStorage,
    RTDoseStorage,
    VideoEndoscopicImageStorage,
    VLPhotographicImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from imaging.errors import BadRequest
from jobs.settings import Settings
from service.auth import LocalAdministrator
from service.dicom.storage_scp import StorageScp
from service.listen_addresses import check_listen_addresses
from service.use_cases.audit_recorder import AuditRecorder
from tests.support.dicom.associations import associate, rejection, store
from tests.support.dicom.metrics import dicom_metrics
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, PATIENT, series
from tests.support.installation import Installation
from tests.support.waiting import until

pytestmark = pytest.mark.slow  # associations wait for each other


def test_a_series_lies_on_the_disk_as_it_was_sent(opened) -> None:  # type: ignore[no-untyped-def]
    """Success means a whole DICOM file; its name tells nothing, its meta information the sender."""
    here, images = opened(), series(4)
    assert store(here.port, images) == [0x0000] * 4
    files = here.files()
    assert len(files) == 4
    found = {dcmread(path).SOPInstanceUID: dcmread(path) for path in files}
    for image in images:
        same = found[image.SOPInstanceUID]
        assert same.PixelData == image.PixelData
        assert same.file_meta.SourceApplicationEntityTitle == "SCANNER"
        assert same.file_meta.TransferSyntaxUID == image.file_meta.TransferSyntaxUID
    names = " ".join(str(path.relative_to(here.settings.data)) for path in files)
    assert not any(part in names for part in (images[0].SeriesInstanceUID, NUMBER, "Norma"))
    assert {path.stat().st_mode & 0o077 for path in [*files, *(p.parent for p in files)]} == {0}


def test_compressed_images_are_kept_as_they_are(opened) -> None:  # type: ignore[no-untyped-def]
    here, (image,) = opened(), series(1, size=64)
    code = bytes(imagecodecs.jpeg2k_encode(image.pixel_array, codecformat="j2k"))
    image.file_meta.TransferSyntaxUID = JPEG2000Lossless
    image.PixelData = encapsulate([code])
    image["PixelData"].VR = "OB"
    assert store(here.port, [image]) == [0x0000]
    (path,) = here.files()
    found = dcmread(path)
    assert found.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert found.PixelData == image.PixelData


def test_other_pixels_under_a_known_uid_are_flagged(opened) -> None:  # type: ignore[no-untyped-def]
    """The sender is told; the first image stays; another image and the same one are stored."""
    here, images = opened(), series(2)
    changed = series(1)[0]
    changed.PixelData = bytes(len(changed.PixelData))
    assert store(here.port, [images[0], changed, images[0], images[1]]) == [0, 0x0111, 0, 0]
    assert here.refusals("image") == 1
    kept = [dcmread(path).PixelData for path in here.files()]
    assert sorted(kept) == sorted(image.PixelData for image in images)


def test_echo(opened) -> None:  # type: ignore[no-untyped-def]
    talk = associate(opened().port)
    assert talk.send_c_echo().Status == 0x0000
    talk.release()


def test_titles(opened) -> None:  # type: ignore[no-untyped-def]
    """Neither a caller who is not named nor a call for somebody else comes through."""
    here = opened(dicom_allowed_callers=("CT1", "MR 2"))
    for calling, called in (("SCANNER", "TESSERA"), ("CT1", "ANOTHER"), ("CT1", "tessera")):
        assert rejection(here.port, calling, called).result == 1  # permanent
    for calling in ("CT1", "MR 2"):
        talk = associate(here.port, calling=calling)
        assert talk.is_established
        talk.release()


def test_associations_are_limited(opened) -> None:  # type: ignore[no-untyped-def]
    """The third of two is rejected for now, and comes through when one has gone."""
    here = opened(dicom_max_associations=2)
    first, second = (associate(here.port) for _ in range(2))
    assert (first.is_established, second.is_established) == (True, True)
    assert rejection(here.port).result == 2  # transient
    first.release()

    def again() -> bool:
        talk = associate(here.port)
        if talk.is_established:
            talk.release()
            return True
        return False

    until(again)
    second.release()


def test_results_are_not_taken_for_images(opened) -> None:  # type: ignore[no-untyped-def]
    """An archive that passes on all that is new does not send our own results back to us."""
    here, (image,) = opened(), series(1)
    for kind in ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.33"):
        image.SOPClassUID = kind
        talk = associate(here.port, [image])
        assert [str(n.abstract_syntax) for n in talk.accepted_contexts] == ["1.2.840.10008.1.1"]
        talk.release()


@contextlib.contextmanager
def _sent_raw(port: int, image: Dataset, data: bytes):  # type: ignore[no-untyped-def]
    """The status of a C-STORE whose data set is any bytes."""
    from pynetdicom.dimse_primitives import C_STORE

    talk = associate(port, [image])
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = image.SOPClassUID
    request.AffectedSOPInstanceUID = image.SOPInstanceUID
    request.DataSet = io.BytesIO(data)
    context = next(n for n in talk.accepted_contexts if n.abstract_syntax == image.SOPClassUID)
    talk._reactor_checkpoint.clear()  # else its own thread may take the answer
    until(lambda: talk._is_paused)
    talk.dimse.send_msg(request, context.context_id)  # type: ignore[arg-type]
    _, answer = talk.dimse.get_msg(block=True)
    talk._reactor_checkpoint.set()
    yield answer.Status
    talk.release()


def test_what_is_accepted_is_what_can_be_taken_in(opened) -> None:  # type: ignore[no-untyped-def]
    """A sender is told in the negotiation, and not by a series that is put aside."""
    here, kinds = opened(), [MRImageStorage, EnhancedCTImageStorage, VLPhotographicImageStorage]
    kinds += [EnhancedXAImageStorage, VLWholeSlideMicroscopyImageStorage]
    others = [BreastTomosynthesisImageStorage, RTDoseStorage, VideoEndoscopicImageStorage]
    images = series(len(kinds) + len(others))
    for image, kind in zip(images, [*kinds, *others], strict=True):
        image.SOPClassUID = kind
    talk = associate(here.port, images)
    accepted = {str(context.abstract_syntax) for context in talk.accepted_contexts}
    talk.release()
    assert accepted == {"1.2.840.10008.1.1", *kinds}


@pytest.mark.slow
def test_broken_instances(opened) -> None:  # type: ignore[no-untyped-def]
    """Each is answered with what is wrong, none is kept, and the next sound one is."""
    here, (image, *_) = opened(), series(1)
    rng = os.urandom(999)
    for data in (b"\0", b"no DICOM at all", rng, b"\x10\x00\x10\x00PN\xff\xff"):
        with _sent_raw(here.port, image, data) as status:
            assert status == 0xC000
    other = series(1, seed=2)[0]
    sound = io.BytesIO()
    other.save_as(sound, enforce_file_format=False, implicit_vr=False, little_endian=True)
    body = sound.getvalue()
    body = body[body.index(b"\x08\x00\x05\x00CS") :]
    with _sent_raw(here.port, image, body) as status:
        assert status == 0xA900
    assert here.files() == []
    assert list((here.settings.data / "inbox" / ".drafts").iterdir()) == []
    assert store(here.port, [image]) == [0x0000]


def test_strangers_bytes(opened) -> None:  # type: ignore[no-untyped-def]
    """What is no DICOM at all, or breaks off, leaves the port as it was."""
    here = opened()
    for said in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\1\0\xff\xff\xff\xff", b""):
        with socket.create_connection(("127.0.0.1", here.port), 5) as line:
            line.sendall(said)
    talk = associate(here.port)
    assert talk.send_c_echo().Status == 0x0000
    talk.abort()
    assert store(here.port, series(1)) == [0x0000]


def test_an_image_that_is_far_too_large_is_broken_off(opened) -> None:  # type: ignore[no-untyped-def]
    here = opened(dicom_max_instance_bytes=1 << 20)
    (image,) = series(1, size=2048)  # 8 MB
    talk = associate(here.port, [image])
    answer = talk.send_c_store(image)
    assert answer.get("Status") is None
    until(lambda: not talk.is_established)
    assert here.files() == []
    assert store(here.port, series(2)) == [0x0000] * 2


def test_a_full_disk_is_said(opened, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Out of resources, so that the sender tries again; then success."""
    here = opened()
    monkeypatch.setattr("jobs.disk.MIN_FREE_BYTES", 1 << 62)
    monkeypatch.setattr("jobs.disk.MIN_FREE_SHARE", 2.0)
    assert store(here.port, series(1)) == [0xA700]
    monkeypatch.undo()
    assert store(here.port, series(1)) == [0x0000]


def test_beyond_loopback_callers_are_named() -> None:
    with pytest.raises(BadRequest):
        check_listen_addresses(Settings(dicom_port=104, dicom_host="0.0.0.0"))
    check_listen_addresses(
        Settings(dicom_port=104, dicom_host="0.0.0.0", dicom_allowed_callers=("CT1",))
    )
    check_listen_addresses(Settings(dicom_port=104))
    check_listen_addresses(Settings(dicom_host="0.0.0.0"))


def test_a_port_that_is_taken_is_said(opened) -> None:  # type: ignore[no-untyped-def]
    here = opened()
    with pytest.raises(BadRequest) as refused:
        StorageScp(
            here.settings,
            here.inbox,
            LocalAdministrator(),
            cast("Any", None),
            dicom_metrics(),
            AuditRecorder(None),
        )
    assert str(here.port) in str(refused.value)


def test_logs_tell_nothing(installation: Installation) -> None:
    """Given a gateway whose log holds everything, no value of the images is in it."""
    everything = "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
    installation.gateway(prelude=everything)
    images = series(3)
    assert store(installation.dicom, images) == [0x0000] * 3
    with _sent_raw(installation.dicom, images[0], b"rubbish") as status:
        assert status == 0xC000
    until(lambda: "taken in" in installation.logs())
    said = installation.logs()
    for secret in (PATIENT, "Norma", NUMBER, DESCRIPTION, images[0].SeriesInstanceUID, "19700101"):
        assert secret not in said


@pytest.mark.slow
def test_a_sender_that_breaks_off_is_told_from_one_that_hangs_up(opened) -> None:  # type: ignore[no-untyped-def]
    here = opened(dicom_series_timeout_s=60.0)
    talk = associate(here.port, series(1))
    assert talk.send_c_store(series(1)[0]).Status == 0x0000
    talk.abort()
    time.sleep(0.5)
    assert here.inbox.complete() == []
    assert store(here.port, series(2)) == [0x0000] * 2
    (arrived,) = until(here.inbox.complete, 20)
    assert len(arrived.files) == 2


def test_a_gateway_says_why_it_does_not_start(installation: Installation, opened) -> None:  # type: ignore[no-untyped-def]
    """Given a port that another has, it ends with the reason."""
    with pytest.raises(AssertionError) as ended:
        installation.gateway(dicom_port=str(opened().port))
    assert "cannot listen on 127.0.0.1" in str(ended.value)
    assert "RuntimeError" not in str(ended.value)
