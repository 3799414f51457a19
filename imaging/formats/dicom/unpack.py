"""Finds the DICOM files in an upload: single files, folders, zips and tars.

Members of archives are unpacked into a scratch folder. Their names are never used, neither as paths
nor in messages; their folders are only compared.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from imaging.errors import ScanTooLarge, UnreadableScan
from imaging.formats.archive import DAMAGED, MOST_FILES, TarEntry, entries
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.bare_data_set import is_bare_data_set
from imaging.formats.dicom.instance import MAGIC
from imaging.formats.dicom.pack import is_pack
from imaging.formats.limits import RAISE_LIMIT, Limits
from imaging.formats.ome_zarr.read import is_ome_zarr
from imaging.hashes import Sha256Writer, sha256_of

_START = 512
_SYSTEM = (b"\0\x05\x16\x07", b"\0\0\0\x01Bud1")
"""First bytes of AppleDouble files (`._name`) and of `.DS_Store`."""
_CHUNK = 1 << 20
_ZIP = b"PK\x03\x04"
_COMPRESSIONS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ", lzma.LZMAFile),
)
_TAR = (257, b"ustar")
_DIRECTORY = b"UI\x14\x001.2.840.10008.1.3.10"
"""Media Storage SOP Class UID of a DICOMDIR, which lists the images on a disc (PS3.10, 8.6)."""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A DICOM file on the local disk."""

    path: Path
    sha256: str
    """Checksum of its content, in hexadecimal."""
    folder: str = ""
    """Where it was found; equal for the files of one folder, or of one folder in an archive. Only
    for comparison."""


def is_dicom(start: bytes) -> bool:
    """Whether a file is DICOM, by its first bytes: its prefix, or its first elements."""
    offset, magic = MAGIC
    return start[offset : offset + len(magic)] == magic or is_bare_data_set(start)


def holds_dicom(path: Path) -> bool:
    """Whether it is a DICOM file, or a folder or archive that may hold some."""
    if path.is_dir():
        return not is_ome_zarr(path)
    start = _start(path)
    return _is_instance(start) or (_is_archive(path, start) and not is_ome_zarr(path))


def dicom_files(paths: Sequence[Path], folder: Path, limits: Limits) -> Iterator[DicomFile]:
    """The DICOM files in `paths` and in the archives there; archives are unpacked into `folder`.

    Raises ScanTooLarge for an archive that unpacks to more than `limits.max_bytes` or holds too
    many files, UnreadableScan for a damaged one, StorageFull.
    """
    return _files(paths, _Unpacking(folder, limits, _is_instance))


def scan_files(paths: Sequence[Path], folder: Path, limits: Limits) -> Iterator[DicomFile]:
    """As `dicom_files`, for files of any kind; what a file manager adds is left out."""
    return _files(paths, _Unpacking(folder, limits, lambda start: not start.startswith(_SYSTEM)))


def _files(paths: Sequence[Path], unpacking: "_Unpacking") -> Iterator[DicomFile]:
    for path in paths:
        if path.is_dir():
            for inner in sorted(n for n in path.rglob("*") if n.is_file()):
                unpacking.count_file()
                if unpacking.wanted(_start(inner)):
                    yield _on_disk(inner)
            continue
        start = _start(path)
        if _is_instance(start):
            yield _on_disk(path)
        elif _is_archive(path, start):
            with _damage_reported():
                yield from _members(path, start, unpacking)
        elif unpacking.wanted(start):
            yield _on_disk(path)


def _on_disk(path: Path) -> DicomFile:
    return DicomFile(path, sha256_of(path), str(path.parent))


def _folder(archive: Path, member: str) -> str:
    """The folder of a member, which tar may write as `./a`, and a zip of Windows as `a\\b`."""
    path = PurePosixPath(member.replace("\\", "/"))
    return f"{archive}:{path.parent}"


def _members(path: Path, start: bytes, unpacking: "_Unpacking") -> Iterator[DicomFile]:
    if start.startswith(_ZIP):
        entries(path)  # refuses an endless list of entries
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.filename.endswith("/"):  # `is_dir` fails for a name of length 0
                    with archive.open(entry) as file:
                        yield from unpacking.unpack(file, _folder(path, entry.filename))
        return
    with _decompressed(path, start) as stream:
        bounded = _BoundedStream(stream, unpacking.limits)
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=TarEntry) as pack:  # type: ignore[call-overload]
            for member in pack:
                if member.issparse():
                    raise tarfile.ReadError("The archive holds a sparse file.")
                inner = pack.extractfile(member) if member.isreg() else None
                if inner is None:
                    unpacking.count_file()
                else:
                    yield from unpacking.unpack(inner, _folder(path, member.name))


class _BoundedStream:
    """A stream that raises ScanTooLarge beyond the limit, also where its content is skipped."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._stream, self._limits, self._bytes = stream, limits, 0

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._bytes += len(chunk)
        self._limits.check_bytes(self._bytes)
        return chunk


class _Unpacking:
    """Unpacks members into a folder; bounds what all archives of an upload unpack to."""

    def __init__(self, folder: Path, limits: Limits, wanted: Callable[[bytes], bool]) -> None:
        """`wanted`: whether a file is needed, by its first bytes."""
        self._folder, self.limits, self.wanted = folder, limits, wanted
        self._bytes = self._files = 0

    def count_file(self) -> None:
        """Counts one more file; raises ScanTooLarge beyond MOST_FILES."""
        self._files += 1
        if self._files > MOST_FILES:
            raise ScanTooLarge(
                "The upload holds too many files.",
                expected=f"At most {MOST_FILES:,}.",
                hint=RAISE_LIMIT,
            )

    def unpack(self, member: IO[bytes], folder: str) -> Iterator[DicomFile]:
        """Unpacks a member of a `folder` where it is wanted; skips every other."""
        self.count_file()
        start = self._read(member, _START)
        if not self.wanted(start):
            return
        path = self._folder / f"{self._files}.dcm"
        with raising_storage_full(), path.open("wb") as file:
            writer = Sha256Writer(file)
            writer.write(start)
            while chunk := self._read(member, _CHUNK):
                writer.write(chunk)
        yield DicomFile(path, writer.hexdigest(), folder)

    def _read(self, member: IO[bytes], size: int) -> bytes:
        chunk = member.read(size)
        self._bytes += len(chunk)
        self.limits.check_bytes(self._bytes)
        return chunk


@contextmanager
def _damage_reported() -> Iterator[None]:
    """Turns what the archive libraries raise for a damaged archive into UnreadableScan."""
    try:
        yield
    except DAMAGED as error:
        raise UnreadableScan(
            "The archive is damaged, encrypted, or compressed by an unknown method.",
            expected="A complete zip or tar, without a password.",
            hint="Pack the series again.",
        ) from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def _is_instance(start: bytes) -> bool:
    """Whether a file is DICOM and no DICOMDIR, by its first bytes."""
    return is_dicom(start) and _DIRECTORY not in start


def _is_archive(path: Path, start: bytes) -> bool:
    """Whether a file is a zip, or a tar, compressed or not; Tessera's packs are none."""
    if start.startswith(_ZIP) or (_is_tar(start) and not is_pack(start)):
        return True
    return _is_compressed_tar(path, start)


def _is_tar(start: bytes) -> bool:
    offset, magic = _TAR
    return start[offset : offset + len(magic)] == magic


def _decompressed(path: Path, start: bytes) -> IO[bytes]:
    for magic, decompressor in _COMPRESSIONS:
        if start.startswith(magic):
            stream: IO[bytes] = decompressor(path)
            return stream
    return path.open("rb")


def _is_compressed_tar(path: Path, start: bytes) -> bool:
    if not any(start.startswith(magic) for magic, _ in _COMPRESSIONS):
        return False
    try:
        with _decompressed(path, start) as stream:
            return _is_tar(stream.read(_START))
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False
