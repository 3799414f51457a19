"""Files of a store in a folder."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from imaging.formats.atomic import sync_folder
from jobs.blobs.files import Files
from jobs.blobs.port import CHUNK_BYTES, no_blob
from jobs.disk import check_writable, disk_errors
from jobs.encryption import KeyFolder

_STALE_S = 86_400.0
"""Age of a draft that a process which died left behind."""


class FolderFiles(Files):
    """Files `ab/abcdef...`. A draft is written in `drafts/` and renamed when it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys = KeyFolder(folder)
        with disk_errors():
            self.drafts.mkdir(parents=True, exist_ok=True)
            self._delete_stale_drafts()

    @property
    def drafts(self) -> Path:
        """As `Files.drafts`."""
        return self._folder / "drafts"

    def path(self, name: str) -> Path:
        """Where the file of this name is, or would be."""
        return self._folder / name[:2] / name

    def draft(self) -> Path:
        """A new empty file in `drafts`."""
        handle, name = tempfile.mkstemp(dir=self.drafts)
        os.close(handle)
        return Path(name)

    def store(self, name: str, draft: Path) -> None:
        """As `Files.store`."""
        path = self.path(name)
        with disk_errors():
            os.utime(draft)
            path.parent.mkdir(exist_ok=True)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)

    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """As `Files.read`."""
        try:
            file = self.path(name).open("rb")
        except FileNotFoundError:
            raise no_blob() from None

        def chunks() -> Iterator[bytes]:
            with file, disk_errors():
                yield b""  # begun, so that the file is closed even if nobody reads it
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk

        next(begun := chunks())
        return os.fstat(file.fileno()).st_size, begun

    def read_at(self, name: str, offset: int, count: int) -> bytes:
        """As `Files.read_at`."""
        with disk_errors():
            try:
                with self.path(name).open("rb") as file:
                    file.seek(offset)
                    return file.read(count)
            except FileNotFoundError:
                raise no_blob() from None

    def size(self, name: str) -> int:
        """As `Files.size`."""
        with disk_errors():
            try:
                return self.path(name).stat().st_size
            except FileNotFoundError:
                raise no_blob() from None

    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """As `Files.older_than`."""
        before = time.time() - age_s
        with disk_errors():
            for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
                with os.scandir(folder) as entries:
                    yield [entry.name for entry in entries if _put_at(entry) < before]

    def delete(self, name: str, age_s: float = 0.0) -> bool:
        """It is moved to `drafts/` before its age is checked: there no `store` can renew it."""
        path, before = self.path(name), time.time() - age_s
        with disk_errors():
            if age_s and _put_at(path) > before:
                return False
            draft = self.draft()
            try:
                path.replace(draft)
            except FileNotFoundError:
                draft.unlink()
                return False
            if age_s and _put_at(draft) > before:
                draft.replace(path)
                return False
            draft.unlink()
            return True

    def key_files(self) -> Mapping[str, bytes]:
        """As `Files.key_files`."""
        with disk_errors():
            return self._keys.key_files()

    def put_key_file(self, name: str, content: bytes) -> None:
        """As `Files.put_key_file`."""
        with disk_errors():
            self._keys.put_key_file(name, content)

    def ping(self) -> None:
        """As `Files.ping`."""
        with disk_errors():
            self.draft().unlink()

    def check_writable(self) -> None:
        """As `Files.check_writable`."""
        check_writable(self.drafts)

    def _delete_stale_drafts(self) -> None:
        for draft in self.drafts.iterdir():
            with suppress(FileNotFoundError):  # another process may delete it, too
                if draft.stat().st_mtime < time.time() - _STALE_S:
                    draft.unlink()


def _put_at(path: "Path | os.DirEntry[str]") -> float:
    """When the file was last stored, in epoch seconds; infinity if it is missing."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
