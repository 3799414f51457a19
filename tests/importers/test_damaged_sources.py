"""Damaged files of other programs: a message, never another error."""

import io
import random
import zipfile
from pathlib import Path

import pytest
import torch

from imaging.errors import BadModel
from models.importers.monai_bundle.source_files import bundle_files, is_bundle
from models.importers.nnunet.source_files import source_files
from models.importers.torch_file import load_checkpoint


def checkpoint() -> bytes:
    out = io.BytesIO()
    torch.save({"state_dict": {"a": torch.ones(3, 3), "b": torch.zeros(2)}, "x": [1, 2]}, out)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("metadata.json", "inference.json"):
            opened.writestr(f"bundle/configs/{name}", "{} " * 99)
        for name in ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth"):
            opened.writestr(f"Dataset001_A/T__P__2d/{name}", "{} " * 99)
    return out.getvalue()


def read_zip(path: Path, folder: Path) -> None:
    for name in ("bundle", "results"):
        (folder / name).mkdir()
    if is_bundle(path):
        bundle_files(path, folder / "bundle")
    files = source_files(path, folder / "results")
    for name in files.names():
        files.path(name)


def test_sound_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(checkpoint())
    assert load_checkpoint(tmp_path / "a.pt")["x"] == [1, 2]
    (tmp_path / "a.zip").write_bytes(archive())
    read_zip(tmp_path / "a.zip", tmp_path)
    assert len([*(tmp_path / "bundle").rglob("*.json")]) == 2
    assert len([*(tmp_path / "results").iterdir()]) == 3


@pytest.mark.parametrize("kind", ["checkpoint", "zip"])
def test_random_damage_ends_in_a_message(tmp_path: Path, kind: str) -> None:
    """Such as a deflate stream that breaks off (zlib.error), or a pickle with an empty stack."""
    random_ = random.Random(1)
    good, refused = checkpoint() if kind == "checkpoint" else archive(), 0
    for number in range(300):
        data = bytearray(good)
        for _ in range(random_.choice((1, 2, 8))):
            data[random_.randrange(len(data))] = random_.randrange(256)
        path, folder = tmp_path / "file", tmp_path / f"{number}"
        path.write_bytes(data)
        folder.mkdir()
        try:
            load_checkpoint(path) if kind == "checkpoint" else read_zip(path, folder)
        except BadModel:
            refused += 1
    assert refused > 20
