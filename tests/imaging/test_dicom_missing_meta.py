"""DICOM without preamble, file meta information or transfer syntax."""

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
)

from imaging.errors import UnreadableScan
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.mask_file import write as write_mask
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import classic, picture, pydicom_file
from tests.support.dicom.headers import mask_description
from tests.support.dicom.scans import (
    LIMITS,
    SHAPE,
    at,
    centres,
    fresh,
    source_of,
    turned,
    voxels,
    whole,
)

ENCODINGS = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
}


def _bare(image: Dataset, syntax: str, kept: str) -> bytes:
    """The image in an encoding that nothing names; `kept`: what is there of file meta."""
    buffer = BytesIO()
    image.file_meta.clear()
    image.preamble = None
    big = syntax == ExplicitVRBigEndian
    if big:  # pydicom writes pixels as they are
        image.PixelData = np.frombuffer(image.PixelData, "<i2").astype(">i2").tobytes()
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(buffer, image, implicit_vr=implicit, little_endian=not big)
    prefix = {"nothing": b"", "preamble": bytes(128) + b"DICM"}
    meta = b"\2\0\2\0UI\x04\0001.2\0"  # MediaStorageSOPClassUID, but no transfer syntax
    prefix["meta"], prefix["bare meta"] = prefix["preamble"] + meta, meta
    return prefix[kept] + buffer.getvalue()


@pytest.mark.parametrize("kept", ["nothing", "preamble", "meta", "bare meta"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_voxels_and_results(tmp_path: Path, encoding: str, kept: str) -> None:
    """A series is read as if it had its meta information, and results refer to it."""
    folder = fresh(tmp_path / "sent")
    for n, image in enumerate(classic(voxels(), turned())):
        (folder / f"{n}").write_bytes(_bare(image, ENCODINGS[encoding], kept))
    (one,), _ = incoming_scans(sorted(folder.iterdir()), fresh(tmp_path / "packs"), LIMITS)
    scan = open_scan(one.path)
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels().ravel())
    path = tmp_path / "mask.seg.dcm"
    write_mask(path, np.ones(scan.grid, np.uint8), scan, mask_description("thing"))
    assert len(dcmread(path).SourceImageSequence) == SHAPE[2]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_de_identified(tmp_path: Path, encoding: str) -> None:
    folder = fresh(tmp_path / "sent")
    for n, image in enumerate(classic(voxels(), turned())):
        (folder / f"{n}").write_bytes(_bare(image, ENCODINGS[encoding], "nothing"))
    selection = ScanSelection(deidentify=True)
    (one,), _ = incoming_scans([folder], fresh(tmp_path / "p"), LIMITS, selection, b"secret")
    scan = open_scan(one.path)
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels().ravel())


@pytest.mark.system
@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="DCMTK is not installed")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_dcmtk_reads_the_same_files(tmp_path: Path, encoding: str) -> None:
    """The inputs of these tests are what DCMTK calls a data set without meta header."""
    (image,) = classic(voxels()[..., :1], turned())
    (tmp_path / "image").write_bytes(_bare(image, ENCODINGS[encoding], "nothing"))
    program = ["dcmdump", "-f", "+P", "Rows", str(tmp_path / "image")]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    assert f"US {SHAPE[1]} " in done.stdout


def test_compressed_pixels_without_a_transfer_syntax_are_refused(tmp_path: Path) -> None:
    """Nothing says by which codec; the reason is named."""
    image = dcmread(pydicom_file("MR_small_jpeg_ls_lossless.dcm"))
    image.file_meta.clear()
    buffer = BytesIO()
    dcmwrite(buffer, image, implicit_vr=False, little_endian=True)
    (tmp_path / "image").write_bytes(buffer.getvalue())
    with pytest.raises(UnreadableScan, match="transfer syntax"):
        open_scan(tmp_path / "image")


def test_frames_of_a_cine(tmp_path: Path) -> None:
    image = picture(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    image.NumberOfFrames, image.Rows, image.Columns = 3, 4, 5
    image.SOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    (tmp_path / "cine").write_bytes(_bare(image, ImplicitVRLittleEndian, "nothing"))
    selection = ScanSelection(volume=2)
    (one,), _ = incoming_scans([tmp_path / "cine"], fresh(tmp_path / "packs"), LIMITS, selection)
    assert np.array_equal(whole(open_scan(one.path))[0], np.arange(20, 40).reshape(4, 5))


def test_an_image_type_of_one_value(tmp_path: Path) -> None:
    """Its letters are not its values."""
    image = classic(voxels()[..., :1], turned(), ImageType="LOCALIZER")[0]
    (tmp_path / "image").write_bytes(_bare(image, ExplicitVRLittleEndian, "preamble"))
    assert source_of(open_scan(tmp_path / "image")).stack.localizer


@pytest.mark.parametrize("named", ENCODINGS)
@pytest.mark.parametrize("encoding", ["implicit", "explicit"])
def test_a_transfer_syntax_of_another_encoding(tmp_path: Path, named: str, encoding: str) -> None:
    """Given a wrong name, the data themselves decide: else pixels are read four bytes off."""
    (image,) = classic(voxels()[..., :1], turned())
    image.file_meta.TransferSyntaxUID = ENCODINGS[named]
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    head = DicomBytesIO()
    write_file_meta_info(head, image.file_meta, enforce_standard=False)
    data = _bare(image, ENCODINGS[encoding], "nothing")
    (tmp_path / "image").write_bytes(bytes(128) + b"DICM" + head.getvalue() + data)
    scan = open_scan(tmp_path / "image")
    shape = (*SHAPE[:2], 1)
    np.testing.assert_array_equal(at(scan, centres(shape, turned())), voxels()[..., 0].ravel())
