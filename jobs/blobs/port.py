"""The interface of a blob store, and what its adapters share: names and errors."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import NotFound
from jobs.blobs.verification import Verified

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class VerifiedBlob:
    """A local file with the content of a blob."""

    path: Path
    how: Verified


class Blobs(ABC):
    """A store of blobs. A blob is stored completely or not at all, and each content once."""

    @abstractmethod
    def put(self, path: Path, *, move: bool = False, sha256: str | None = None) -> str:
        """Stores a local file and returns its SHA-256; the blob's age starts at 0 again.

        With `move` the local file is removed. `sha256` is the file's checksum if the caller has
        computed it already. Raises StorageFull, Unavailable.
        """

    @abstractmethod
    def verified(self, sha256: str) -> AbstractContextManager[VerifiedBlob]:
        """A local file with the content, valid while the context is open.

        Raises NotFound, DamagedFile, also at the end if the file was changed meanwhile.
        """

    @contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        """As `verified`, the path alone."""
        with self.verified(sha256) as blob:
            yield blob.path

    @abstractmethod
    def stream(self, sha256: str) -> tuple[int, Iterator[bytes]]:
        """The size in bytes, and the content in chunks; raises NotFound.

        The last chunk of a damaged file is missing: DamagedFile is raised instead.
        """

    @abstractmethod
    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """The names of all blobs that were last put longer ago than `age_s`, in groups."""

    @abstractmethod
    def delete(self, sha256: str, age_s: float = 0.0) -> bool:
        """Deletes the blob and returns True, unless it is missing or younger than `age_s`."""

    @abstractmethod
    def ping(self) -> None:
        """Returns if the store answers; raises Unavailable if not."""

    @abstractmethod
    def check_writable(self) -> None:
        """Stores something and deletes it; raises Unavailable if that fails."""


def is_name(text: str) -> bool:
    """Whether this is a valid blob name: a SHA-256 in hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def checked(sha256: str) -> str:
    """The name itself; raises NotFound for one that is not valid, such as `../x`."""
    if not is_name(sha256):
        raise no_blob()
    return sha256


def no_blob() -> NotFound:
    """The error for a name under which nothing is stored."""
    return NotFound("The stored file does not exist.", hint="Upload the scan or run the job again.")
