"""The interface of what blob stores keep their files in: a folder or a bucket, by name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class Files(ABC):
    """Files under names that the caller chooses. A file is stored completely or not at all.

    The age of a file is the time since it was last stored.
    """

    @property
    @abstractmethod
    def drafts(self) -> Path:
        """The local folder in which a file is written before it is stored."""

    @abstractmethod
    def store(self, name: str, draft: Path) -> None:
        """Stores a file of `drafts`, which is removed; raises StorageFull, Unavailable."""

    @abstractmethod
    def read(self, name: str) -> tuple[int, Iterator[bytes]]:
        """The size in bytes, and the content in chunks; raises NotFound, Unavailable."""

    @abstractmethod
    def read_at(self, name: str, offset: int, count: int) -> bytes:
        """`count` bytes from an offset, fewer at the end; raises NotFound, Unavailable."""

    @abstractmethod
    def size(self, name: str) -> int:
        """In bytes; raises NotFound, Unavailable."""

    @abstractmethod
    def older_than(self, age_s: float) -> Iterator[Sequence[str]]:
        """The names of all files that were last stored longer ago than `age_s`, in groups."""

    @abstractmethod
    def delete(self, name: str, age_s: float = 0.0) -> bool:
        """Deletes the file and returns True, unless it is missing or younger than `age_s`."""

    @abstractmethod
    def key_files(self) -> Mapping[str, bytes]:
        """The small files with the data keys of the store: name -> content."""

    @abstractmethod
    def put_key_file(self, name: str, content: bytes) -> None:
        """Stores one of them durably, in one step."""

    @abstractmethod
    def ping(self) -> None:
        """As `Blobs.ping`."""

    @abstractmethod
    def check_writable(self) -> None:
        """As `Blobs.check_writable`."""
