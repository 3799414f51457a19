"""Packs: a series stored as one file, an uncompressed tar of its instances.

The first member, the manifest, states which frames are the scan and whether they are
resampled. The instances follow in the order of their SHA-256, so that the same instances always
give the same bytes.
"""

import io
import tarfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from imaging.errors import UnreadableScan
from imaging.formats.archive import MOST_FILES, TarEntry
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.file_view import FileView
from imaging.formats.dicom.instance import Opener
from imaging.hashes import Sha256Writer

MANIFEST = "tessera.json"
_MAGIC = MANIFEST.encode() + b"\0"
_MANIFEST_BYTES = 1 << 24
_BLOCK_BYTES = 1 << 20


class Manifest(BaseModel):
    """Which volume of a pack is the scan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: int = Field(default=0, ge=0)
    """Its index in the stacks of all instances, from 0."""
    resample: bool = False
    """Whether tilted or unevenly spaced slices are resampled onto a regular grid."""
    planes: tuple[NonNegativeInt, ...] = ()
    """The frames that are the scan, by their number in all frames of the pack, from 0; empty where
    it has no others, or where `stack` says which."""
    whole: bool = False
    """Whether all frames of the pack are the one stack, however they would be divided."""
    notes: tuple[str, ...] = ()
    """Warnings about how the stack was separated from its series."""
    frame: int | None = Field(default=None, ge=1)
    """Number of the only frame of the pack in its original instance, from 1."""
    frames: int | None = Field(default=None, ge=1)
    """Number of frames of that instance."""

    def encoded(self) -> bytes:
        """The manifest as JSON; rare fields only where they are used, so that packs stay equal."""
        rare = {n for n in ("planes", "whole", "notes", "frame", "frames") if not getattr(self, n)}
        return self.model_dump_json(exclude=rare).encode()


def is_pack(start: bytes) -> bool:
    """Whether a file is a pack, by its first bytes."""
    return start.startswith(_MAGIC)


def write_pack(path: Path, instances: Iterable[tuple[str, Path]], manifest: Manifest) -> str:
    """Packs files, each given with the SHA-256 of its content; returns the pack's own SHA-256.

    Raises StorageFull.
    """
    with raising_storage_full(), path.open("wb") as file:
        writer = Sha256Writer(file)
        with tarfile.open(
            fileobj=writer,  # type: ignore[call-overload]
            mode="w|",
            format=tarfile.GNU_FORMAT,
            bufsize=_BLOCK_BYTES,
            copybufsize=_BLOCK_BYTES,
        ) as pack:
            content = manifest.encoded()
            _add(pack, MANIFEST, io.BytesIO(content), len(content))
            for sha256, source in sorted(instances):
                with source.open("rb") as member:
                    _add(pack, f"{sha256}.dcm", member, source.stat().st_size)
        return writer.hexdigest()


def read_pack(path: Path) -> tuple[Manifest, list[Opener]]:
    """The manifest, and how to open each instance; raises UnreadableScan."""
    try:
        with tarfile.open(path, "r:", tarinfo=TarEntry) as pack:
            first, *members = islice(pack, MOST_FILES + 1)
            if pack.next() is not None:
                raise tarfile.ReadError("The pack has too many files.")
            file = pack.extractfile(first)
            content = file.read(_MANIFEST_BYTES) if file else b""
            manifest = Manifest.model_validate_json(content)
            return manifest, [_opener(path, n.offset_data, n.size) for n in members]
    except (tarfile.TarError, OSError, ValidationError, ValueError) as error:
        raise UnreadableScan(
            "The pack of DICOM files is damaged.",
            expected="A pack as Tessera writes it.",
            hint="Send the series again.",
        ) from error


def _opener(path: Path, start: int, size: int) -> Opener:
    return lambda: io.BufferedReader(FileView(path.open("rb"), start, size))


def _add(pack: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    pack.addfile(entry, file)
