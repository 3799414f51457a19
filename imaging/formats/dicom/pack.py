"""A series as one file: an uncompressed tar of its instances, the same bytes for the same ones.

Its first member says which stack of the series is meant, and whether it is to be resampled. The
instances come in the order of their SHA-256, so that the pack's own depends on nothing else.
"""

import io
import tarfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imaging.errors import UnreadableScan
from imaging.formats.archive import MOST_FILES, TarEntry
from imaging.formats.dicom.instance import Opener

MANIFEST = "tessera.json"
_MAGIC = MANIFEST.encode() + b"\0"
_MANIFEST_BYTES = 4096


class Manifest(BaseModel):
    """Which volume of a pack is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: int = Field(default=0, ge=0)
    """Its place among the stacks of all instances, from 0."""
    resample: bool = False
    """Tilted or uneven slices are resampled onto a grid."""


def is_pack(start: bytes) -> bool:
    """Whether a file that begins so is a pack."""
    return start.startswith(_MAGIC)


def write_pack(path: Path, instances: Iterable[tuple[str, Path]], manifest: Manifest) -> None:
    """Packs files, each given with the SHA-256 of its content."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as pack:
        told = manifest.model_dump_json().encode()
        _add(pack, MANIFEST, io.BytesIO(told), len(told))
        for sha256, source in sorted(instances):
            with source.open("rb") as file:
                _add(pack, f"{sha256}.dcm", file, source.stat().st_size)


def read_pack(path: Path) -> tuple[Manifest, list[Opener]]:
    """What is meant, and how to open each instance; raises UnreadableScan."""
    try:
        with tarfile.open(path, "r:", tarinfo=TarEntry) as pack:
            first, *members = islice(pack, MOST_FILES + 1)
            if pack.next() is not None:
                raise tarfile.ReadError("too many files")
            told = pack.extractfile(first)
            manifest = Manifest.model_validate_json(told.read(_MANIFEST_BYTES) if told else b"")
            return manifest, [_opener(path, n.offset_data, n.size) for n in members]
    except (tarfile.TarError, OSError, ValidationError, ValueError) as error:
        raise UnreadableScan(
            "The pack of DICOM files is damaged.",
            expected="A pack as it was stored here.",
            hint="Send the series again.",
        ) from error


class _Part(io.RawIOBase):
    """A range of a file, as a file of its own."""

    name = None
    """Readers look for one."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        super().__init__()
        self._file: IO[bytes] = path.open("rb")
        self._start, self._size, self._at = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        view = memoryview(buffer)[: max(0, self._size - self._at)]
        count = self._file.readinto(view)  # type: ignore[attr-defined]
        self._at += count
        return int(count)

    def close(self) -> None:
        self._file.close()
        super().close()


def _opener(path: Path, start: int, size: int) -> Opener:
    return lambda: io.BufferedReader(_Part(path, start, size))


def _add(pack: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    pack.addfile(entry, file)
