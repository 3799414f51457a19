"""One contract for both stores: a folder, and S3 (SeaweedFS)."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import DamagedFile, NotFound, Unavailable
from jobs.blobs import Blobs, EncryptedBlobs, open_blobs
from jobs.blobs.bucket import BucketBlobs
from jobs.blobs.verification import Verified
from jobs.settings import Settings

Change = Callable[[bytes], bytes]


def a_file(folder: Path, content: bytes, name: str = "upload") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def content_of(blobs: Blobs, sha256: str) -> bytes:
    size, chunks = blobs.stream(sha256)
    content = b"".join(chunks)
    assert size == len(content)
    return content


@pytest.mark.parametrize("content", [b"", b"voxels", os.urandom(3 << 20)], ids=["0", "6", "3M"])
@pytest.mark.parametrize("move", [False, True])
def test_what_goes_in_comes_out(blobs: Blobs, tmp_path: Path, content: bytes, move: bool) -> None:
    path = a_file(tmp_path, content)
    sha256 = blobs.put(path, move=move)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert path.exists() != move
    assert content_of(blobs, sha256) == content
    with blobs.local(sha256) as local:
        assert local.read_bytes() == content


def test_twice_is_once(blobs: Blobs, tmp_path: Path) -> None:
    first, second = a_file(tmp_path, b"same", "one"), a_file(tmp_path, b"same", "two")
    assert blobs.put(first) == blobs.put(second, move=True)
    assert first.exists()
    assert not second.exists()
    assert content_of(blobs, blobs.put(first)) == b"same"


def test_deleted_is_gone(blobs: Blobs, tmp_path: Path) -> None:
    sha256 = blobs.put(a_file(tmp_path, b"secret"))
    blobs.delete(sha256)
    blobs.delete(sha256)
    with pytest.raises(NotFound):
        blobs.stream(sha256)
    with pytest.raises(NotFound), blobs.local(sha256):
        pass


@pytest.mark.slow
def test_only_the_old_are_deleted_by_age(blobs: Blobs, tmp_path: Path) -> None:
    """A second `put` makes it young again. S3 tells whole seconds."""
    first, second = a_file(tmp_path, b"one", "one"), a_file(tmp_path, b"two", "two")
    names = {blobs.put(first), blobs.put(second)}
    assert {name for some in blobs.older_than(60) for name in some} == set()
    time.sleep(4)
    assert {name for some in blobs.older_than(2.5) for name in some} == names
    again = time.time()
    young = blobs.put(first)

    def since() -> float:
        """An age that the young one has not come to, and the other has passed."""
        return time.time() - again + 1.5

    assert {name for some in blobs.older_than(since()) for name in some} == names - {young}
    assert [blobs.delete(name, since()) for name in sorted(names)] == [
        name != young for name in sorted(names)
    ]
    assert content_of(blobs, young) == b"one"
    assert blobs.delete(young)
    assert not blobs.delete(young)


def test_many_are_listed(blobs: Blobs, tmp_path: Path) -> None:
    names = {blobs.put(a_file(tmp_path, b"%d" % n)) for n in range(30)}
    assert {name for some in blobs.older_than(-60) for name in some} == names


def test_what_is_put_during_its_deletion_stays(tmp_path: Path) -> None:
    """Given an old blob, when one deletes it and others put it again, then it is there."""
    blobs = open_blobs(Settings(data=tmp_path))
    source = a_file(tmp_path, b"same")
    name = blobs.put(source)
    path = tmp_path / "blobs" / name[:2] / name
    start = threading.Barrier(3, timeout=60)
    gone = 0

    def put() -> None:
        start.wait()
        assert blobs.put(source) == name
        start.wait()

    for _ in range(150):
        os.utime(path, (1, 1))
        with ThreadPoolExecutor(2) as pool:
            puts = [pool.submit(put) for _ in range(2)]
            start.wait()
            gone += blobs.delete(name, 60)
            start.wait()
            for one in puts:
                one.result()
        assert path.read_bytes() == b"same"
        assert path.stat().st_mtime > 1
    assert gone > 0, "the race was never close"


@pytest.mark.parametrize("name", ["0" * 64, "", "../upload", "0" * 63, "G" * 64, "/etc/passwd"])
def test_what_is_not_there_is_not_found(blobs: Blobs, tmp_path: Path, name: str) -> None:
    a_file(tmp_path, b"beside the store")
    with pytest.raises(NotFound):
        blobs.stream(name)
    with pytest.raises(NotFound), blobs.local(name):
        pass


def test_a_store_that_is_there_answers(blobs: Blobs) -> None:
    blobs.ping()


def damage(blobs: Blobs, folder: Path, sha256: str, change: Change) -> None:
    """Changes the file of a blob, without the store's knowledge."""
    if isinstance(blobs, BucketBlobs):
        blobs._files._store.put(sha256, change(CONTENT))
    else:
        ending = ".enc" if isinstance(blobs, EncryptedBlobs) else ""
        path = folder / "blobs" / sha256[:2] / f"{sha256}{ending}"
        path.write_bytes(change(path.read_bytes()))


CONTENT = os.urandom(3 << 20)
DAMAGES: dict[str, Change] = {
    "one bit": lambda file: file[:-1] + bytes([file[-1] ^ 1]),
    "truncated": lambda file: file[:-1],
    "longer": lambda file: file + b"x",
    "replaced": lambda _: b"another picture",
    "empty": lambda _: b"",
}


def received_of(blobs: Blobs, sha256: str) -> tuple[int, int]:
    """Bytes that a damaged file is said to have, and that arrive before the error."""
    size, received = 0, 0
    try:
        size, chunks = blobs.stream(sha256)
        for chunk in chunks:
            received += len(chunk)
    except DamagedFile:
        return size, received
    pytest.fail("a damaged file was read")


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_not_read(blobs: Blobs, tmp_path: Path, change: Change) -> None:
    """Given a file that was read once, when its content changes, then nobody gets it whole."""
    source = a_file(tmp_path, CONTENT)
    sha256 = blobs.put(source)
    with blobs.verified(sha256) as blob:
        assert blob.how in (Verified.IN_FULL, Verified.DECRYPTED)
    damage(blobs, tmp_path, sha256, change)
    with pytest.raises(DamagedFile), blobs.verified(sha256):
        pytest.fail("a damaged file was opened")
    size, received = received_of(blobs, sha256)
    assert received < max(size, 1)

    assert blobs.put(source) == sha256, "the same content heals it"
    assert content_of(blobs, sha256) == CONTENT


def test_an_unchanged_file_is_read_in_full_once(tmp_path: Path) -> None:
    """A change of times or of the file itself makes it be read again, in each process anew."""
    blobs = open_blobs(Settings(data=tmp_path))
    sha256 = blobs.put(a_file(tmp_path, CONTENT))
    path = tmp_path / "blobs" / sha256[:2] / sha256

    def how() -> Verified:
        with blobs.verified(sha256) as blob:
            return blob.how

    assert [how(), how()] == [Verified.IN_FULL] * 2, "changed too recently to trust its times"
    while time.time() - path.stat().st_ctime < 2.1:
        time.sleep(0.1)
    assert [how(), how()] == [Verified.IN_FULL, Verified.UNCHANGED]
    os.utime(path, ns=(1, 1))
    assert how() is Verified.IN_FULL
    assert open_blobs(Settings(data=tmp_path)).put(a_file(tmp_path, CONTENT)) == sha256
    assert how() is Verified.IN_FULL


def test_a_change_during_the_reading_is_noticed(tmp_path: Path) -> None:
    blobs = open_blobs(Settings(data=tmp_path))
    sha256 = blobs.put(a_file(tmp_path, CONTENT))
    with pytest.raises(DamagedFile), blobs.verified(sha256):
        damage(blobs, tmp_path, sha256, DAMAGES["one bit"])


def test_s3_leaves_no_local_copy(s3_settings: Settings, tmp_path: Path) -> None:
    blobs = open_blobs(s3_settings, tmp_path / "own")
    sha256 = blobs.put(a_file(tmp_path, b"voxels"), move=True)
    with blobs.local(sha256) as local:
        assert local.is_relative_to(tmp_path / "own"), "where the next start would remove it"
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_an_s3_that_is_away_is_unavailable(s3_settings: Settings, tmp_path: Path) -> None:
    away = s3_settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    blobs = open_blobs(away)
    for ask in (blobs.ping, lambda: blobs.put(a_file(tmp_path, b"voxels"))):
        with pytest.raises(Unavailable):
            ask()


def test_a_bucket_that_is_not_there_is_unavailable(s3_settings: Settings, tmp_path: Path) -> None:
    blobs = open_blobs(s3_settings.model_copy(update={"blob_url": "s3://no-such/x"}))
    with pytest.raises(Unavailable):
        blobs.put(a_file(tmp_path, b"voxels"))


FULL = """
import resource, signal, sys
from pathlib import Path
from imaging.errors import StorageFull
from jobs.blobs import FolderBlobs
blobs = FolderBlobs(Path(sys.argv[1]) / "blobs")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    blobs.put(Path(sys.argv[1]) / "upload")
except StorageFull as error:
    assert error.hint
    sys.exit(7)
"""


@pytest.mark.process
def test_without_room_nothing_is_kept(tmp_path: Path) -> None:
    """The kernel refuses to write past 64 KiB, as a full disk would."""
    a_file(tmp_path, os.urandom(1 << 20))
    command = [sys.executable, "-P", "-c", FULL, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 7
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_drafts_of_the_dead_are_swept(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    open_blobs(settings)
    drafts = tmp_path / "blobs" / "drafts"
    old, new = a_file(drafts, b"half", "old"), a_file(drafts, b"half", "new")
    os.utime(old, (1, 1))
    open_blobs(settings)
    assert not old.exists()
    assert new.exists()


@given(content=st.binary(max_size=1000))
def test_folder_names_are_contents(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("blobs")
    blobs = open_blobs(Settings(data=folder))
    sha256 = blobs.put(a_file(folder, content))
    files = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [sha256] == [hashlib.sha256(content).hexdigest()]
