"""Backups of a service whose stored files are encrypted."""

from pathlib import Path

import pytest

from imaging.errors import BadRequest, DamagedFile
from jobs.backup import Destination, Source, StoredBackup, StoredBackups, restore, verify
from jobs.backup import take_backup as take_a_backup
from jobs.encryption import KeyFolder, KeyRing, StoreKeys, new_key
from jobs.settings import Settings
from tests.jobs.test_backup import Silent
from tests.support.whole_service import Service, data_file, lasting, service


def target_of(folder: Path, key: str = "") -> StoredBackups:
    folder.mkdir(exist_ok=True)
    return StoredBackups(folder, StoreKeys(KeyFolder(folder), KeyRing.parse(key)) if key else None)


def take(here: Service, target: StoredBackups, *, recheck: bool = False) -> StoredBackup:
    data = here.settings.data
    parts = Source(here.repository.table_backup, here.blobs, {"inbox": data / "inbox"}, {}, "")
    return take_a_backup(parts, target, Silent(), recheck=recheck)


def put_back(backup: StoredBackup, target: StoredBackups, there: Service) -> None:
    settings = there.settings
    folders = {"inbox": settings.data / "inbox"}
    destination = Destination(there.repository, there.blobs, folders, settings.scratch)
    restore(backup, target.contents, destination, Silent())


def test_a_backup_has_nothing_in_plain_and_needs_its_key(tmp_path: Path) -> None:
    """It is restored into a store with another key, and one without; damage is found."""
    key, received = new_key(), b"an image that a scanner sent, of Mr Doe"
    with service(Settings(data=tmp_path / "here", encryption_key=key)) as here:
        here.fill()
        data_file(here.settings, "inbox/image.dcm", received)
        target = target_of(tmp_path / "target", key)
        backup = take(here, target)
        files = [path for path in (tmp_path / "target").rglob("*") if path.is_file()]
        for path in files:
            content = path.read_bytes()
            assert received not in content
            assert not content.startswith(b"\x1f\x8b"), path
        rows, names = lasting(here.rows()), here.blob_names()
        assert take(here, target, recheck=True).manifest.lost_blobs == ()
    verify(backup, target.contents, Silent())
    other = f"{new_key()} {key}"
    for number, own in enumerate((other, "")):
        settings = Settings(data=tmp_path / f"there-{number}", encryption_key=own)
        with service(settings, empty=True) as there:
            again = target_of(tmp_path / "target", key)
            put_back(again.get(), again, there)
            assert there.check_blobs() == len(names)
            assert lasting(there.rows()) == rows
            assert (settings.data / "inbox" / "image.dcm").read_bytes() == received
            assert not list(settings.scratch.glob("blob-*"))
    with pytest.raises(BadRequest, match="is not the key with which"):
        verify(backup_of(tmp_path / "target", new_key()), target.contents, Silent())
    path = target.contents.path(names[0])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFile, match="backup is damaged"):
        verify(backup, target.contents, Silent())


def backup_of(folder: Path, key: str) -> StoredBackup:
    return target_of(folder, key).get()


def test_earlier_backups_that_are_not_encrypted_stay_readable(tmp_path: Path) -> None:
    """The first encrypted one replaces the files that both need."""
    folder, key = tmp_path / "target", new_key()
    with service(Settings(data=tmp_path / "here")) as here:
        here.fill()
        here.finished("gone")
        first = take(here, target_of(folder))
        here.delete("gone")
        target = target_of(folder, key)
        second = take(here, target)
        endings = {name: target.contents.path(name).suffix for name in first.blobs}
        assert {endings[name] for name in second.blobs} == {".enc"}
        assert "" in endings.values()
        for name in target.names():
            verify(target.get(name), target.contents, Silent())
        assert list(target.keep_newest(1))
        assert set(target.contents.names()) == set(second.contents())
        verify(second, target.contents, Silent())
