"""Archives that lie about what they hold."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from imaging.errors import ScanTooLarge, UnreadableScan
from imaging.formats.dicom import pack, unpack
from imaging.formats.incoming import incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import classic, write

LIMITS = Limits()


def header(size: int, kind: bytes = tarfile.REGTYPE, name: str = "x") -> bytes:
    """One of a tar, that promises `size` bytes."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


def series(folder: Path) -> list[Path]:
    images = classic(np.zeros((6, 5, 8), np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    return write(images, folder / "slices")


def tar(paths: list[Path]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as file:
        for number, path in enumerate(paths):
            file.add(path, str(number))
    return out.getvalue()


def start_of(data: bytes, name: str) -> int:
    """Where the header of this file in a tar begins."""
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        return file.getmember(name).offset


def sent(folder: Path, data: bytes, name: str = "sent.tar") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_damaged_header_is_no_end(tmp_path: Path) -> None:
    """Given slices in order, those behind a damaged header would be missing at one end."""
    data = bytearray(tar(sorted(series(tmp_path), key=_instance_number)))
    assert incoming_scans([sent(tmp_path, bytes(data))], tmp_path, LIMITS)
    data[start_of(bytes(data), "6") + 150] ^= 1  # of its header's checksum
    with pytest.raises(UnreadableScan, match="damaged"):
        incoming_scans([sent(tmp_path, bytes(data))], tmp_path, LIMITS)


def test_a_tar_that_is_cut_between_files(tmp_path: Path) -> None:
    data = tar(sorted(series(tmp_path), key=_instance_number))
    with pytest.raises(UnreadableScan, match="damaged"):
        incoming_scans([sent(tmp_path, data[: start_of(data, "6")])], tmp_path, LIMITS)


def _instance_number(path: Path) -> int:
    return int(dcmread(path).InstanceNumber)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_that_fills_the_memory(tmp_path: Path, kind: bytes) -> None:
    """Given a name of a gigabyte, nobody waits for its end."""
    data = gzip.compress(header(1 << 30, kind) + bytes(1 << 16))
    with pytest.raises(UnreadableScan, match="damaged") as caught:
        incoming_scans([sent(tmp_path, data)], tmp_path, LIMITS)
    assert "impossible size" in str(caught.value.__cause__)


def test_a_sparse_file_is_not_made(tmp_path: Path) -> None:
    """Given a file of an exabyte in two blocks, none of it is written."""
    block = bytearray(header(512, tarfile.GNUTYPE_SPARSE))
    block[386:410] = b"00000000000\0" + b"00000001000\0"  # where its one part lies
    block[483:495] = b"\x80" + (1 << 60).to_bytes(11, "big")
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    data = bytes(128) + b"DICM" + bytes(380)
    with pytest.raises(UnreadableScan, match="damaged"):
        incoming_scans([sent(tmp_path, bytes(block) + data + bytes(1024))], tmp_path, LIMITS)


def test_folders_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_FILES", 20)
    data = header(0, tarfile.DIRTYPE) * 21 + bytes(1024)
    with pytest.raises(ScanTooLarge, match="too many files"):
        incoming_scans([sent(tmp_path, data)], tmp_path, LIMITS)


def test_a_pack_of_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MOST_FILES", 20)
    told = header(2, name=pack.MANIFEST) + b"{}" + bytes(510)
    data = told + header(0, tarfile.DIRTYPE) * 21 + bytes(1024)
    with pytest.raises(UnreadableScan, match="pack") as caught:
        open_scan(sent(tmp_path, data))
    assert "too many" in str(caught.value.__cause__)


def test_members_without_a_name(tmp_path: Path) -> None:
    """Found by the fuzzer: slices in a zip need no names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for path in series(tmp_path):
            file.writestr(path.name, path.read_bytes())
    data = out.getvalue()
    for path in (tmp_path / "slices").iterdir():
        blank = path.name.encode()
        data = data.replace(blank, b"\0" * len(blank))
    (scan,), refused = incoming_scans([sent(tmp_path, data, "sent.zip")], tmp_path, LIMITS)
    assert open_scan(scan.path).shape == (1, 6, 5, 8)
    assert not refused
