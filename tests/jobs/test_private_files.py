"""The data folder is for the user that runs Tessera, whatever the umask and its creator."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.private_files import creating_private, keep_private, private_cache


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The test creates files that everybody may change."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as an earlier version made it."""
    folder = tmp_path / "data"
    (folder / "blobs" / "ab").mkdir(parents=True)
    (folder / "tmp").mkdir()
    for name in ("tessera.db", "tessera.db-wal", "blobs/ab/abcd", "tmp/draft"):
        (folder / name).touch()
    return folder


def test_an_open_data_folder_becomes_private(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_private(data)
    (data / "later").mkdir()
    (data / "later" / "file").touch()
    assert {mode(path) for path in (data, *data.rglob("*")) if path.is_dir()} == {0o700}
    assert {mode(path) for path in data.rglob("*") if path.is_file()} == {0o600}
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "private now (8 changed)" in said.getMessage()


def test_a_private_one_is_not_walked_again(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_private(data)
    caplog.clear()
    inside = data / "blobs" / "ab" / "abcd"
    inside.chmod(0o644)  # closed by its folder; a million of such files must not delay a start
    keep_private(data)
    assert mode(inside) == 0o644
    assert not caplog.records


def test_files_of_others_are_left_alone(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`--data` may name a home folder by mistake."""
    (data / "thesis").mkdir()
    (data / "thesis" / "run.sh").touch(0o755)
    keep_private(data)
    assert mode(data) == 0o777
    assert mode(data / "thesis") == 0o777
    assert mode(data / "thesis" / "run.sh") == 0o755
    assert mode(data / "blobs") == 0o700
    assert mode(data / "tessera.db") == 0o600
    assert "chmod 700" in caplog.text


def test_a_link_is_not_followed(data: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "model.onnx").touch()
    (data / "models").symlink_to(shared)
    (data / "blobs" / "link").symlink_to(shared)
    keep_private(data)
    assert mode(shared) == 0o777
    assert mode(shared / "model.onnx") == 0o666
    assert mode(data) == 0o700


def test_a_folder_shared_with_its_group_stays_shared(data: Path) -> None:
    data.chmod(0o2777)
    keep_private(data)
    (data / "later").mkdir()
    assert mode(data) == 0o2770
    assert mode(data / "later") & 0o777 == 0o770
    assert mode(data / "tessera.db") == 0o660


def test_a_new_data_folder_is_private(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep_private(tmp_path / "new")
    (tmp_path / "new" / "blobs").mkdir(parents=True)
    assert mode(tmp_path / "new") == mode(tmp_path / "new" / "blobs") == 0o700
    assert not caplog.records


def test_only_the_block_creates_private_files(tmp_path: Path) -> None:
    with creating_private(tmp_path):
        (tmp_path / "inside").touch()
    (tmp_path / "after").touch()
    assert (mode(tmp_path / "inside"), mode(tmp_path / "after")) == (0o600, 0o666)


def test_cache(tmp_path: Path) -> None:
    """A new one is private; one that exists may be shared."""
    assert mode(private_cache(tmp_path / "new" / "cache")) == 0o700
    (tmp_path / "shared").mkdir()
    assert mode(private_cache(tmp_path / "shared")) == 0o777
    (tmp_path / "file").touch()
    private_cache(tmp_path / "file" / "cache")  # nothing is kept
