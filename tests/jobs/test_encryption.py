"""Encryption of stored files: format, keys, and stores that are encrypted while they are used."""

import base64
import hashlib
import hmac
import io
import json
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imaging.errors import BadRequest, DamagedFile, NotFound
from jobs.blobs import EncryptedBlobs, open_blobs
from jobs.encryption import (
    DataKey,
    EncryptedFile,
    KeyRing,
    StoreKeys,
    decrypted,
    encrypted,
    new_key,
)
from jobs.encryption.block_cipher import BLOCK_BYTES, HEADER_BYTES, TAG_BYTES, plain_size
from jobs.settings import Settings
from tests.support.whole_service import service

BLOCK = BLOCK_BYTES
SEALED = BLOCK + TAG_BYTES
KEY = DataKey(bytes(range(16)), bytes(range(32)))
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 7]


def key_of(key_id: bytes) -> DataKey:
    assert key_id == KEY.id
    return KEY


def sealed(content: bytes, name: str = "scan") -> bytes:
    pieces = (content[start : start + 700_001] for start in range(0, len(content), 700_001))
    return b"".join(encrypted(chain((b"",), pieces, (b"",)), KEY, name))


def opened(file: bytes, name: str = "scan") -> EncryptedFile:
    return EncryptedFile(lambda at, count: file[at : at + count], len(file), key_of, name)


def content_of(size: int) -> bytes:
    return Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_encrypted_is_read_from_any_place(size: int) -> None:
    content = content_of(size)
    file = sealed(content)
    assert plain_size(len(file)) == size
    assert size < 16 or content[:16] not in file
    assert b"".join(decrypted(iter([file]), key_of, "scan")) == content
    reader = io.BufferedReader(opened(file))
    assert reader.seek(0, io.SEEK_END) == size
    random = Random(0)
    for _ in range(20):
        start, count = random.randrange(size + 1), random.randrange(size + 10)
        reader.seek(start)
        assert reader.read(count) == content[start : start + count]


def test_the_format_is_the_documented_one() -> None:
    """Decrypted by its description alone, without the code that wrote it."""
    content = content_of(BLOCK + 5)
    file = sealed(content, "abc")
    assert file[:8] == b"TSRBLOB\x01"
    assert file[8:24] == KEY.id
    assert file[56:64] == BLOCK.to_bytes(4, "big") + bytes(4)
    extracted = hmac.digest(file[24:56], KEY.secret, "sha256")  # RFC 5869, 2.2 and 2.3
    derived = hmac.digest(extracted, b"tessera: key of a file\x01", "sha256")
    cipher, associated = AESGCM(derived), file[:64] + b"abc"
    first = cipher.decrypt(bytes(12), file[64 : 64 + SEALED], associated)
    last = cipher.decrypt(bytes(10) + b"\x01\x01", file[64 + SEALED :], associated)
    assert first + last == content


BLOCKS = [sealed(content_of(3 * BLOCK))[HEADER_BYTES + n * SEALED :][:SEALED] for n in range(3)]
OTHER = sealed(content_of(3 * BLOCK))
TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "swapped blocks": lambda f: (
        f[:HEADER_BYTES]
        + f[HEADER_BYTES + SEALED : HEADER_BYTES + 2 * SEALED]
        + f[HEADER_BYTES : HEADER_BYTES + SEALED]
        + f[HEADER_BYTES + 2 * SEALED :]
    ),
    "a block left out": lambda f: f[:HEADER_BYTES] + f[HEADER_BYTES + SEALED :],
    "the last block left out": lambda f: f[:-SEALED],
    "a block twice": lambda f: f + f[-SEALED:],
    "a block of another file": lambda f: f[:-SEALED] + OTHER[-SEALED:],
    "a byte of the header": lambda f: f[:30] + bytes([f[30] ^ 1]) + f[31:],
    "another version": lambda f: f[:7] + b"\x02" + f[8:],
    "another block size": lambda f: f[:58] + b"\x01" + f[59:],
    "a bit": lambda f: f[:-100] + bytes([f[-100] ^ 4]) + f[-99:],
    "half a header": lambda f: f[:40],
    "a header alone": lambda f: f[:HEADER_BYTES],
    "one byte more": lambda f: f + b"x",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("tampered", TAMPERED)
def test_every_change_is_noticed(tampered: str) -> None:
    file = TAMPERED[tampered](sealed(content_of(3 * BLOCK)))
    with pytest.raises(DamagedFile):
        list(decrypted(iter([file]), key_of, "scan"))
    with pytest.raises(DamagedFile):
        opened(file).read()


def test_a_file_cannot_take_the_place_of_another() -> None:
    with pytest.raises(DamagedFile):
        list(decrypted(iter([sealed(b"voxels", "scan of a")]), key_of, "scan of b"))
    with pytest.raises(DamagedFile):
        opened(sealed(b"voxels", "scan of a"), "scan of b")


def test_a_truncated_file_is_noticed_before_its_start_is_read() -> None:
    with pytest.raises(DamagedFile):
        opened(sealed(content_of(3 * BLOCK))[:-SEALED])


def test_memory_does_not_grow_with_the_file() -> None:
    block = bytes(BLOCK)
    tracemalloc.start()
    try:
        for _ in decrypted(encrypted((block for _ in range(50)), KEY, "scan"), key_of, "scan"):
            pass
        assert tracemalloc.get_traced_memory()[1] < 12 * BLOCK
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["c2hvcnQ=", "no base64!", base64.b64encode(bytes(33)).decode()])
def test_a_key_that_is_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(BadRequest, match="is not valid") as error:
        KeyRing.parse(text)
    assert text not in str(error.value)
    assert "secret" not in repr(KeyRing.parse(new_key()))


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.process)])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a store that is not encrypted yet."""
    if request.param == "folder":
        return Settings(data=tmp_path / "data")
    return request.getfixturevalue("s3_settings").model_copy(update={"data": tmp_path / "data"})


def with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"encryption_key": " ".join(keys)})


def open_encrypted(settings: Settings, *keys: str) -> EncryptedBlobs:
    blobs = open_blobs(with_keys(settings, *keys))
    assert isinstance(blobs, EncryptedBlobs)
    return blobs


def put(settings: Settings, content: bytes) -> str:
    path = settings.data / "upload"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return open_blobs(settings).put(path, move=True)


def read(blobs: EncryptedBlobs, name: str) -> bytes:
    return b"".join(blobs.stream(name)[1])


def test_a_store_is_encrypted_while_it_is_used(plain: Settings) -> None:
    """Old files are read as they are, until each is replaced; readers notice nothing."""
    old, key = content_of(BLOCK + 5), new_key()
    name = put(plain, old)
    blobs = open_encrypted(plain, key)
    new = put(with_keys(plain, key), b"new")
    assert blobs.file_names() == ([new], [name])
    assert (read(blobs, name), read(blobs, new)) == (old, b"new")
    begun = blobs.stream(name)[1]
    assert blobs.encrypt_plain(name) == len(old)
    assert b"".join(begun) == old
    assert blobs.file_names() == (sorted([name, new]), [])
    assert read(blobs, name) == old
    with blobs.local(name) as path:
        assert path.read_bytes() == old
        assert path.parent.stat().st_mode & 0o077 == 0
    assert not path.exists()
    assert blobs.open(name).read() == old
    assert [sorted(names) for names in blobs.older_than(-3600) if names] != []
    assert blobs.delete(name)
    with pytest.raises(NotFound):
        blobs.stream(name)


def test_readers_notice_nothing_while_files_are_encrypted(tmp_path: Path) -> None:
    settings, done = Settings(data=tmp_path), threading.Event()
    names = {put(settings, content): content for content in (b"%d" % n for n in range(100))}
    blobs = open_encrypted(settings, new_key())

    def readers() -> int:
        rounds = 0
        while not done.is_set():
            rounds += 1
            for name, content in names.items():
                assert read(blobs, name) == content
        return rounds

    with ThreadPoolExecutor(3) as threads:
        reading = [threads.submit(readers) for _ in range(3)]
        try:
            for name in names:
                blobs.encrypt_plain(name)
        finally:
            done.set()
        assert all(one.result() for one in reading)
    assert len(blobs.file_names()[0]) == len(names)


def test_without_the_right_key_a_store_is_not_opened(plain: Settings) -> None:
    """At the start, before anything is read or written."""
    key = new_key()
    put(with_keys(plain, key), b"voxels")
    with pytest.raises(BadRequest, match="there is no key in the settings"):
        open_blobs(plain)
    with pytest.raises(BadRequest, match="is not the key with which"):
        open_encrypted(plain, new_key())


def test_another_key_needs_no_file_to_be_written(plain: Settings) -> None:
    first, second = new_key(), new_key()
    name = put(with_keys(plain, first), b"voxels")
    running = open_encrypted(plain, first)
    both = open_encrypted(plain, second, first)
    before = both.keys.current()
    assert both.keys.rotate() == 1
    assert both.keys.rotate() == 0
    blobs = open_encrypted(plain, second)
    assert read(blobs, name) == b"voxels"
    assert blobs.open(name).key_id == before.id != blobs.keys.current().id
    new = put(with_keys(plain, second), b"new")
    assert blobs.open(new).key_id == blobs.keys.current().id
    assert read(running, name) == b"voxels", "a process that runs has the data key"
    with pytest.raises(BadRequest):
        open_encrypted(plain, first)
    blobs.encrypt_again(name)
    assert blobs.open(name).key_id == blobs.keys.current().id


def test_an_interrupted_rotation_is_repeated(tmp_path: Path) -> None:
    """Each data key is readable with the old and the new key at any time."""
    settings, first, second = Settings(data=tmp_path), new_key(), new_key()
    put(with_keys(settings, first), b"one")
    open_encrypted(settings, second, first).keys.rotate()
    put(with_keys(settings, second), b"two")
    third = new_key()
    blobs = open_encrypted(settings, third, second)
    stored, calls = blobs._files.put_key_file, iter(range(2))

    def put_or_fail(name: str, content: bytes) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        stored(name, content)

    blobs._files.put_key_file = put_or_fail  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        blobs.keys.rotate()
    both = open_encrypted(settings, third, second)
    names = both.file_names()[0]
    assert sorted(read(both, name) for name in names) == [b"one", b"two"]
    assert both.keys.rotate() == 1
    after = open_encrypted(settings, third)
    assert sorted(read(after, name) for name in names) == [b"one", b"two"]


def test_processes_that_start_together_lose_no_key(tmp_path: Path) -> None:
    """Both make a data key before they see that of the other."""
    files, ring = (
        open_encrypted(Settings(data=tmp_path), key := new_key())._files,
        KeyRing.parse(key),
    )
    one, other = StoreKeys(files, ring), StoreKeys(files, ring)
    one._add()
    other._add()
    assert one.current() == other.current()
    assert {key.id for key in one.stored()} == set(one._keys)


def test_damaged_data_keys(tmp_path: Path) -> None:
    settings, key = Settings(data=tmp_path), new_key()
    put(with_keys(settings, key), b"voxels")
    (path,) = (tmp_path / "blobs" / "keys").iterdir()
    content = json.loads(path.read_text())
    for change in ({"version": 2}, {"wrapped": content["wrapped"][4:]}, {"wrapped": "?"}):
        path.write_text(json.dumps(content | change))
        with pytest.raises(DamagedFile, match="data key"):
            open_encrypted(settings, key)
    path.write_text("{")
    with pytest.raises(DamagedFile, match="data key"):
        open_encrypted(settings, key)
    other = tmp_path / "blobs" / "keys" / ("0" * 32)
    other.write_text(json.dumps(content))  # under the name of another key
    path.unlink()
    with pytest.raises(DamagedFile, match="data key"):
        open_encrypted(settings, key)


def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, key = tmp_path / "key", new_key()
    monkeypatch.setenv("TESSERA_ENCRYPTION_KEY_FILE", str(path))
    with pytest.raises(BadRequest, match="cannot be read: No such file"):
        Settings()
    path.write_text(f"{key}\n")
    assert Settings().encryption_key == key
    assert key not in repr(Settings())
    path.write_text("\n")
    with pytest.raises(BadRequest, match="is empty"):
        Settings()
    monkeypatch.setenv("TESSERA_ENCRYPTION_KEY", key)
    with pytest.raises(BadRequest, match="Both TESSERA_ENCRYPTION_KEY and"):
        Settings()


def files_in(folder: Path) -> Iterator[bytes]:
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_blobs_of_a_service_are_nowhere_in_plain(tmp_path: Path) -> None:
    """Given a secret in a blob, no file of the data folder has it, or the hash of all of it in
    another place than the name."""
    secret = os.urandom(200_000)
    with service(Settings(data=tmp_path / "data", encryption_key=new_key())) as here:
        name = here.put(secret)
        assert name == hashlib.sha256(secret).hexdigest()
        assert all(secret[1000:1032] not in content for content in files_in(here.settings.data))
