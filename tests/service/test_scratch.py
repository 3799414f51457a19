"""Scratch belongs to one process."""

from pathlib import Path

import pytest

from service.resources.scratch import Scratch


def test_files_go_with_their_block(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    with scratch.file(".nii") as path:
        path.write_bytes(b"x")
        assert path.suffix == ".nii"
    assert not path.exists()
    with scratch.file() as path:
        path.unlink()  # moved away: no fault
    with pytest.raises(RuntimeError), scratch.file() as path:
        raise RuntimeError
    assert not path.exists()
    scratch.close()
    assert not list(tmp_path.glob("gateway-*"))


def test_a_living_gateway_keeps_its_folder(tmp_path: Path) -> None:
    """Two gateways share the scratch; only what nobody owns is removed."""
    dead = tmp_path / "gateway-dead"
    dead.mkdir()
    (dead / "half").write_bytes(b"x")
    others = tmp_path / "worker-1"
    others.mkdir()
    first, second = Scratch(tmp_path), Scratch(tmp_path)
    assert not dead.exists()
    assert others.exists()
    assert first.folder.exists()
    assert second.folder.exists()
    first.close()
    assert second.folder.exists()
    second.close()
