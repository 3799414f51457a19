"""Content, never the name, says what a file is; what is refused is told with what to do."""

import bz2
import gzip
import logging
import lzma
from pathlib import Path

import pytest

from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.sniff import open_scan, verify

REFUSED = {
    "empty": (b"", UnreadableScan, "empty"),
    "one byte": (b"x", UnreadableScan, "not supported"),
    "text": (b"This is a letter about a patient.\n" * 40, UnreadableScan, "not supported"),
    "gzipped text": (gzip.compress(b"This is a letter.\n" * 40), UnreadableScan, "not supported"),
    "gzip of nothing": (gzip.compress(b""), UnreadableScan, "not supported"),
    "gzip magic alone": (b"\x1f\x8b", UnreadableScan, "cut off"),
    "dicom": (bytes(128) + b"DICM" + bytes(500), UnreadableScan, "DICOM"),
    "analyze-like dicom": (
        b"\x5c\x01\0\0" + bytes(124) + b"DICM" + bytes(500),
        UnreadableScan,
        "DICOM",
    ),
    "zip": (b"PK\x03\x04" + bytes(600), UnsupportedScan, "zip"),
    "nrrd": (b"NRRD0004\n" + bytes(600), UnreadableScan, "no end"),
    "gif": (b"GIF89a" + bytes(600), UnsupportedScan, "GIF"),
    "zeros": (bytes(1000), UnreadableScan, "not supported"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("ending", ["scan.nii.gz", "scan.png"])
def test_what_is_no_scan_is_refused(tmp_path: Path, name: str, ending: str) -> None:
    data, error, words = REFUSED[name]
    path = tmp_path / f"DOE^JANE-{ending}"
    path.write_bytes(data)
    for attempt in (open_scan, verify):
        with pytest.raises(error, match=words) as caught:
            attempt(path)
        assert caught.value.expected
        assert caught.value.hint
        assert "DOE" not in str(caught.value)
        assert "patient" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.nii", tmp_path):
        with pytest.raises(UnreadableScan, match="cannot be read"):
            open_scan(path)


def test_nothing_is_logged_of_a_damaged_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Libraries log what they meet, names and tags included: a patient's data."""
    path = tmp_path / "DOE^JANE.tif"
    path.write_bytes(b"II*\0\x08\0\0\0\xff\xff" + bytes(range(256)) * 4)
    with caplog.at_level(logging.DEBUG), pytest.raises(TesseraError):
        open_scan(path)
    assert "DOE" not in caplog.text


FOREIGN = {
    "MINC-1 file": b"CDF\x01" + bytes(600),
    "Philips PAR/REC": b"# === DATA DESCRIPTION FILE =====\n#\n",
    "AFNI": b"\ntype = integer-attribute\nname  = DATASET_RANK\ncount = 5\n'none~\n",
    "MRtrix image": b"mrtrix image\ndim: 1,1,1\n",
    "MRtrix streamlines": b"mrtrix tracks\ncount: 0\n",
    "TrackVis": b"TRACK\0" + bytes(994),
    "ECAT": b"MATRIX72v" + bytes(600),
    "GIFTI": b'<?xml version="1.0"?>\n<!DOCTYPE GIFTI SYSTEM "a.dtd">\n<GIFTI Version="1.0">',
    "NumPy": b"\x93NUMPY\x01\0" + bytes(100),
    "AVIF": b"\0\0\0\x20ftypavif" + bytes(100),
    "HEIC": b"\0\0\0\x18ftypheic" + bytes(100),
    "PNM image": b"P5\n2 2\n255\n\0\1\2\3",
    "PBM, PGM or PPM": b"P1 1 1 0",
    "FITS file": b"SIMPLE  =                    T",
    "Photoshop document": b"8BPS\0\1" + bytes(100),
    "PostScript document": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "zip archive without files": b"PK\x05\x06" + bytes(18),
    "RAR archive": b"Rar!\x1a\x07\1\0" + bytes(100),
    "7z archive": bytes.fromhex("377abcaf271c0004") + bytes(100),
    "compressed by bzip2": bz2.compress(b"<GIFTI>"),
    "compressed by xz": lzma.compress(b"a scan"),
    "DICOM file in a gzip stream": gzip.compress(b"\x5c\1\0\0" + bytes(124) + b"DICM" + bytes(500)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_format_is_named(tmp_path: Path, name: str) -> None:
    """The DICOM file has a preamble that begins as the header of a NIfTI-1 or Analyze file."""
    (tmp_path / "a").write_bytes(FOREIGN[name])
    with pytest.raises(UnsupportedScan, match=name):
        verify(tmp_path / "a")
