"""The DICOM files in what was sent: single files, folders, zips and tars, unpacked into scratch.

Names inside an archive are never used: not as paths, not in messages.
"""

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from imaging.errors import ScanTooLarge, UnreadableScan
from imaging.formats.archive import MOST_FILES, TarEntry, entries
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.instance import MAGIC
from imaging.formats.dicom.pack import is_pack
from imaging.formats.limits import RAISE_LIMIT, Limits
from imaging.formats.ome_zarr import is_ome_zarr

_START = 512
_CHUNK = 1 << 20
_ZIP = b"PK\x03\x04"
_PACKERS: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ", lzma.LZMAFile),
)
_TAR = (257, b"ustar")
_BARE = (b"\x08\x00", b"\x02\x00")
"""How a data set begins that has no preamble: group 0008 or 0002, little endian."""
_DIRECTORY = b"UI\x14\x001.2.840.10008.1.3.10"
"""Media Storage SOP Class UID of a DICOMDIR, which discs bear beside their images (PS3.10, 8.6)."""
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(NotImplementedError, RuntimeError, ValueError, KeyError, OSError),
)


def is_dicom(start: bytes) -> bool:
    """Whether a file that begins so is DICOM, by its prefix or by its first element."""
    offset, magic = MAGIC
    bare = start[:2] in _BARE and start[3:4] == b"\0" and len(start) > 8
    return start[offset : offset + len(magic)] == magic or bare


def holds_dicom(path: Path) -> bool:
    """Whether it is a DICOM file, or a folder or archive that may hold some."""
    if is_archive(path):
        return not is_ome_zarr(path)
    return _is_member(_start(path))


def is_archive(path: Path) -> bool:
    """Whether it is a folder, zip or tar, packed or not; not a pack of our own."""
    if path.is_dir():
        return True
    start = _start(path)
    return start.startswith(_ZIP) or (_is_tar(start) and not is_pack(start)) or _tar_in(path, start)


def unpacked(paths: Sequence[Path], folder: Path, limits: Limits) -> Iterator[Path]:
    """The DICOM files among `paths` and in the archives among them, the latter put into `folder`.

    Raises ScanTooLarge for an archive that unpacks to more than `limits.max_bytes` or holds too
    many files, UnreadableScan for a broken one, StorageFull.
    """
    sink = _Sink(folder, limits)
    for path in paths:
        if path.is_dir():
            for inner in sorted(n for n in path.rglob("*") if n.is_file()):
                sink.count(0)
                if _is_member(_start(inner)):
                    yield inner
        elif is_archive(path):
            with _sound_archive():
                yield from _members(path, sink)
        elif _is_member(_start(path)):
            yield path


def _members(path: Path, sink: "_Sink") -> Iterator[Path]:
    start = _start(path)
    if start.startswith(_ZIP):
        entries(path)  # refuses an endless list of entries
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as file:
                        yield from sink.take(file)
        return
    with _opened(path, start) as stream:
        counted = _Counted(stream, sink.limits)
        with tarfile.open(fileobj=counted, mode="r|", tarinfo=TarEntry) as pack:  # type: ignore[call-overload]
            for member in pack:
                if member.issparse():
                    raise tarfile.ReadError("a sparse file")
                inner = pack.extractfile(member) if member.isreg() else None
                if inner is None:
                    sink.count(0)
                else:
                    yield from sink.take(inner)


class _Counted:
    """A stream that ends with an error beyond the limit, also where it is only read past."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._stream, self._limits, self._seen = stream, limits, 0

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._seen += len(chunk)
        self._limits.check_bytes(self._seen)
        return chunk


class _Sink:
    """Where members go; counts what all archives of an upload unpack to."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self.limits = folder, limits
        self._bytes = self._files = 0

    def count(self, size: int) -> None:
        """Raises ScanTooLarge beyond the limits."""
        self._bytes += size
        self._files += size == 0
        self.limits.check_bytes(self._bytes)
        if self._files > MOST_FILES:
            raise ScanTooLarge(
                "The upload holds too many files.",
                expected=f"At most {MOST_FILES:,}.",
                hint=RAISE_LIMIT,
            )

    def take(self, file: IO[bytes]) -> Iterator[Path]:
        """Puts a member into the folder if it is DICOM; what else there is is read past."""
        self.count(0)
        start = file.read(_START)
        self.count(len(start))
        if not _is_member(start):
            return
        path = self._folder / f"{self._files}.dcm"
        with raising_storage_full(), path.open("wb") as out:
            out.write(start)
            while chunk := file.read(_CHUNK):
                self.count(len(chunk))
                out.write(chunk)
        yield path


class _sound_archive:  # noqa: N801 - a context manager, as contextlib names them
    """What archives raise when they are broken becomes UnreadableScan."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> None:
        if isinstance(error, _BROKEN):
            raise UnreadableScan(
                "The archive is damaged, encrypted, or packed in a way that is not known.",
                expected="A whole zip or tar, without a password.",
                hint="Pack the series again.",
            ) from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def _is_member(start: bytes) -> bool:
    """Whether a file that begins so is an instance, and not the list of those on a disc."""
    return is_dicom(start) and _DIRECTORY not in start


def _is_tar(start: bytes) -> bool:
    offset, magic = _TAR
    return start[offset : offset + len(magic)] == magic


def _opened(path: Path, start: bytes) -> IO[bytes]:
    for magic, unpacker in _PACKERS:
        if start.startswith(magic):
            opened: IO[bytes] = unpacker(path)
            return opened
    return path.open("rb")


def _tar_in(path: Path, start: bytes) -> bool:
    """Whether a compressed file holds a tar."""
    if not any(start.startswith(magic) for magic, _ in _PACKERS):
        return False
    try:
        with _opened(path, start) as stream:
            return _is_tar(stream.read(_START))
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False
