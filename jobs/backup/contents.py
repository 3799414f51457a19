"""The files of all backups of a folder, each content once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from imaging.formats.atomic import replacing, sync_folder
from imaging.hashes import Sha256Writer, sha256_of

_CHUNK_BYTES = 1 << 20
_DRAFTS = "*/.part-*"
"""As `replacing` names them."""


class Contents:
    """Files `ab/abcdef...`, named by their SHA-256. A file is there completely or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Where this content is, or would be."""
        return self._folder / sha256[:2] / sha256

    def size(self, sha256: str) -> int | None:
        """Bytes of this content; None if it is missing."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def is_intact(self, sha256: str) -> bool:
        """Reads the file; False if it is missing or damaged."""
        try:
            return sha256_of(self.path(sha256)) == sha256
        except FileNotFoundError:
            return False

    def add(self, sha256: str, chunks: Iterable[bytes]) -> int:
        """Stores content whose SHA-256 `chunks` verifies; returns its size. Raises StorageFull."""
        path, size = self.path(sha256), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            for chunk in chunks:
                size += file.write(chunk)
        self._changed.add(path.parent)
        return size

    def add_file(self, source: Path) -> tuple[str, int]:
        """Stores the content of a file, which may grow meanwhile; its SHA-256 and size.

        Raises FileNotFoundError if it is missing, and StorageFull.
        """
        sha256 = sha256_of(source)
        if (size := self.size(sha256)) is not None:
            return sha256, size
        draft = self._folder / "drafts" / "file"
        draft.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as reader, replacing(draft) as file:
            writer = Sha256Writer(file)
            while chunk := reader.read(_CHUNK_BYTES):
                writer.write(chunk)
        sha256 = writer.hexdigest()  # of what was copied
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        size = draft.stat().st_size
        draft.replace(path)
        self._changed.add(path.parent)
        return sha256, size

    def sync(self) -> None:
        """Makes the names of all added files durable."""
        for folder in self._changed:
            sync_folder(folder)
        if self._changed:
            sync_folder(self._folder)
        self._changed.clear()

    def names(self) -> Iterator[str]:
        """The SHA-256 of every file."""
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            yield from (path.name for path in folder.iterdir() if not path.name.startswith("."))

    def remove(self, sha256: str) -> int:
        """Deletes a file; returns its size."""
        path = self.path(sha256)
        size = path.stat().st_size
        path.unlink()
        return size

    def remove_drafts(self) -> None:
        """Deletes what an interrupted backup left behind."""
        for draft in self._folder.glob(_DRAFTS):
            draft.unlink(missing_ok=True)
