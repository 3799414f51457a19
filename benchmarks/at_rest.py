"""What encryption of stored files costs.

    python -P benchmarks/at_rest.py [--mib 256] [--runs 5] [--folder DIR] [--json FILE]

Stores a file of random bytes, reads it as a stream (a download) and as a local file (a job), in a
store that is not encrypted and in one that is, in turns. The files are in the page cache of the
system. Beside them stands what the parts alone reach on the same machine: AES-256-GCM over blocks
of the same size, SHA-256, and a copy of the file. Also: 1,000 reads of 4 KiB at random places of
the encrypted file, and files that are opened again, also one of 200 KB: a file that is not
encrypted is not read then, since the file system says that it is unchanged.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: E402
from record import save  # noqa: E402

from jobs.blobs import Blobs, EncryptedBlobs, open_blobs  # noqa: E402
from jobs.encryption import new_key  # noqa: E402
from jobs.encryption.block_cipher import BLOCK_BYTES  # noqa: E402
from jobs.settings import Settings  # noqa: E402

Row = dict[str, Any]
Work = Callable[[], object]
SMALL_BYTES = 200_000
READS, READ_BYTES = 1000, 4096


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = measure(Path(folder), options.mib << 20, options.runs)
    for row in rows:
        print("  ".join(f"{value:>12}" for value in row.values()))
    if options.json:
        save(options.json, rows, runs=options.runs, statistic="the fastest")


def measure(folder: Path, size: int, runs: int) -> list[Row]:
    """All rows."""
    plain = open_blobs(Settings(data=folder / "plain"))
    secret = open_blobs(Settings(data=folder / "secret", encryption_key=new_key()))
    assert isinstance(secret, EncryptedBlobs)
    large, small = (made(folder / str(count), count) for count in (size, SMALL_BYTES))
    names: dict[Path, str] = {
        path: sha256(path.read_bytes()).hexdigest() for path in (large, small)
    }
    for blobs in (plain, secret):
        blobs.put(small)
    rows = [
        throughput(what, size, runs, work(plain, large, names), work(secret, large, names))
        for what, work in WAYS.items()
    ]
    rows += [
        alone("AES-256-GCM, encrypt", size, runs, cipher_alone(size, encrypt=True)),
        alone("AES-256-GCM, decrypt", size, runs, cipher_alone(size, encrypt=False)),
        alone("SHA-256", size, runs, lambda: sha256(large.read_bytes())),
        alone("copy of a file", size, runs, lambda: shutil.copyfile(large, folder / "copy")),
    ]
    for what, path, times in (("again", large, runs), ("a small one again", small, 20 * runs)):
        rows.append(latency(f"open as a file, {what}", plain, secret, names[path], times))
    rows.append(random_reads(secret, names[large], Random(0)))
    return rows


def made(path: Path, size: int) -> Path:
    """A file of random bytes."""
    path.write_bytes(os.urandom(size))
    return path


def put(blobs: Blobs, path: Path, names: dict[Path, str]) -> Callable[[], Work]:
    """As a gateway stores an upload, which is on the same disk, and whose SHA-256 it knows."""
    upload = path.with_name("upload")

    def prepared() -> Work:
        blobs.delete(names[path])
        shutil.copyfile(path, upload)
        return lambda: blobs.put(upload, move=True, sha256=names[path])

    return prepared


def stream(blobs: Blobs, path: Path, names: dict[Path, str]) -> Callable[[], Work]:
    """As a gateway sends a file."""
    return lambda: lambda: sum(map(len, blobs.stream(names[path])[1]))


def local(blobs: Blobs, path: Path, names: dict[Path, str]) -> Callable[[], Work]:
    """As a worker opens a scan, the first time."""

    def prepared() -> Work:
        past = time.time() - 60
        os.utime(file_of(blobs, names[path]), (past, past))  # changed: it is verified anew
        return lambda: opened(blobs, names[path])

    return prepared


def file_of(blobs: Blobs, name: str) -> Path:
    """The file of a blob."""
    files = blobs._files  # type: ignore[attr-defined]  # noqa: SLF001
    ending = ".enc" if isinstance(blobs, EncryptedBlobs) else ""
    return Path(files.path(name + ending))


WAYS: dict[str, Callable[[Blobs, Path, dict[Path, str]], Callable[[], Work]]] = {
    "store": put,
    "read as a stream": stream,
    "open as a file": local,
}


def throughput(
    what: str, size: int, runs: int, plain: Callable[[], Work], secret: Callable[[], Work]
) -> Row:
    """MB/s of both, in turns. Each run is prepared first."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for prepared, found in zip((plain, secret), times, strict=True):
            found.append(seconds(prepared()))
    rates = [size / 1e6 / min(found) for found in times]
    return {"what": what, "plain_mb_s": round(rates[0]), "encrypted_mb_s": round(rates[1])}


def alone(what: str, size: int, runs: int, work: Work) -> Row:
    """MB/s of a part."""
    rate = size / 1e6 / min(seconds(work) for _ in range(runs))
    return {"what": what, "alone_mb_s": round(rate)}


def cipher_alone(size: int, *, encrypt: bool) -> Work:
    """All blocks of a file of this size, in memory."""
    cipher, block, nonce = AESGCM(os.urandom(32)), os.urandom(BLOCK_BYTES), bytes(12)
    sealed = cipher.encrypt(nonce, block, b"")

    def work() -> None:
        for _ in range(size // BLOCK_BYTES):
            cipher.encrypt(nonce, block, b"") if encrypt else cipher.decrypt(nonce, sealed, b"")

    return work


def latency(what: str, plain: Blobs, secret: Blobs, name: str, runs: int) -> Row:
    """Milliseconds to open a file that was opened before."""
    found = []
    for blobs in (plain, secret):
        past = time.time() - 60
        os.utime(file_of(blobs, name), (past, past))
        times = [seconds(lambda: opened(blobs, name)) for _ in range(runs + 1)][1:]  # noqa: B023
        found.append(round(1e3 * min(times), 3))
    return {"what": what, "plain_ms": found[0], "encrypted_ms": found[1]}


def opened(blobs: Blobs, name: str) -> None:
    """Opens and closes a blob."""
    with blobs.local(name):
        pass


def random_reads(blobs: EncryptedBlobs, name: str, random: Random) -> Row:
    """Milliseconds of a read at a random place."""
    file = blobs.open(name)
    buffer = bytearray(READ_BYTES)

    def read() -> None:
        file.seek(random.randrange(file.size - READ_BYTES))
        file.readinto(buffer)

    times = [seconds(read) for _ in range(READS)]
    return {"what": "4 KiB at a random place", "encrypted_ms": round(1e3 * median(times), 3)}


def seconds(work: Work) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
