"""Splits a folder into pieces that can be carried to another machine, and joins them there.

The pieces are the parts of a tar file: piece-000, piece-001, ... The file `sha256` beside them
holds the checksum of the whole.
"""

import hashlib
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

PIECE_BYTES = 64 << 20
"""Largest size of a piece."""
_CHECKSUM = "sha256"


def split(folder: Path, pieces: Path, piece_bytes: int = PIECE_BYTES) -> list[Path]:
    """Writes the files of `folder` as pieces, in their order; `pieces` must be empty or new."""
    pieces.mkdir(parents=True, exist_ok=True)
    checksum, written = hashlib.sha256(), list[Path]()
    with TemporaryDirectory(dir=pieces) as temporary:
        whole = Path(temporary) / "whole.tar"
        with tarfile.open(whole, "w") as tar:
            tar.add(folder, ".")
        with whole.open("rb") as source:
            while data := source.read(piece_bytes):
                checksum.update(data)
                written.append(pieces / f"piece-{len(written):03}")
                written[-1].write_bytes(data)
    (pieces / _CHECKSUM).write_text(checksum.hexdigest())
    return written


def join(pieces: Path, folder: Path) -> None:
    """Writes the files that `split` received into `folder`.

    Raises ValueError where a piece is missing or was changed.
    """
    checksum = hashlib.sha256()
    with TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole.tar"
        with whole.open("wb") as target:
            for piece in sorted(pieces.glob("piece-*")):
                data = piece.read_bytes()
                checksum.update(data)
                target.write(data)
        if checksum.hexdigest() != (pieces / _CHECKSUM).read_text():
            raise ValueError(f"A piece in {pieces} is missing or was changed.")
        with tarfile.open(whole) as tar:
            tar.extractall(folder, filter="data")
