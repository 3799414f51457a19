"""A scan on this machine as one file: a folder or several files are packed into a zip."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from tessera_client.types import Source


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to upload."""

    path: Path
    name: str
    """The name that the server shows."""
    length: int
    """In bytes."""

    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def one_file(source: Source) -> Iterator[LocalFile]:
    """The scan as one file. A zip is written into a temporary folder, without compression."""
    paths = paths_of(source)
    if len(paths) == 1 and paths[0].is_file():
        yield LocalFile(paths[0], paths[0].name, paths[0].stat().st_size)
        return
    with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
        packed = Path(folder) / "packed.zip"
        _pack(paths, packed)
        yield LocalFile(packed, f"{name_of(source)}.zip", packed.stat().st_size)


def paths_of(source: Source) -> list[Path]:
    """The paths of a scan; raises FileNotFoundError for none, or one that does not exist."""
    if isinstance(source, Sequence) and not isinstance(source, str):
        paths = [Path(one) for one in source]
    else:
        paths = [Path(source)]
    missing = [path for path in paths if not path.exists()]
    if missing or not paths:
        raise FileNotFoundError(
            f"There is no file {missing[0]}." if missing else "No file is given."
        )
    return paths


def name_of(source: Source) -> str:
    """The name of a scan: of its file or folder, or of the folder of its first file."""
    paths = paths_of(source)
    first = paths[0].resolve()
    return first.name if len(paths) == 1 else first.parent.name or "scan"


def _pack(paths: Sequence[Path], target: Path) -> None:
    """Writes all files into a zip; equal files give an equal zip, so that it can be continued."""
    with ZipFile(target, "w", ZIP_STORED) as archive:
        for number, path in enumerate(paths):
            root = path if path.is_dir() else path.parent
            prefix = f"{number}/" if len(paths) > 1 else ""
            members = sorted(path.rglob("*")) if path.is_dir() else [path]
            for member in members:
                if member.is_file():
                    info = ZipInfo(prefix + member.relative_to(root).as_posix())
                    info.file_size = member.stat().st_size
                    with member.open("rb") as file, archive.open(info, "w") as packed:
                        while block := file.read(1 << 20):
                            packed.write(block)
