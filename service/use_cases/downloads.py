"""A download: a file as a stream of blocks, with its name, size and media type."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jobs.blobs import Blobs
from service.resources.scratch import Scratch

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is ready to be sent, in flat memory."""

    name: str
    media_type: str
    tag: str
    """Identifies the content: equal tags mean equal bytes."""
    size: int
    """In bytes."""
    blocks: Iterator[bytes]


def stored_file(blobs: Blobs, sha256: str, name: str, media_type: str) -> Download:
    """A blob as it is stored; raises NotFound, DamagedFile.

    A file longer than its first block that is damaged ends before its size is reached.
    """
    size, blocks = blobs.stream(sha256)
    first = next(blocks)  # an error in it is still answered as such
    return Download(name, media_type, sha256, size, chain((first,), blocks))


def written_file(
    scratch: Scratch, write: Callable[[Path], None], name: str, media_type: str, tag: str
) -> Download:
    """What `write` writes to a scratch file; the file is removed, its bytes stay readable."""
    suffix = "".join(Path(name).suffixes)
    with scratch.file(suffix) as path:
        write(path)
        size, blocks = path.stat().st_size, _blocks(path)
        first = next(blocks, b"")  # opens the file, so that its bytes outlive its name
    return Download(name, media_type, tag, size, chain((first,), blocks))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
