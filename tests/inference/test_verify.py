"""`tessera models add` finds cards that do not hold what they say, by running the network."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imaging.errors import BadModel, Conflict, NotFound
from inference.verify import verify
from models.card import ModelCard
from models.nets.config import UNetConfig
from models.registry import Model, Registry

SAME = UNetConfig.of_widths((4, 6), dimension=2, out_channels=2, padding="same")
VALID = UNetConfig.of_widths((4, 6), dimension=2, out_channels=2)


@pytest.fixture
def changed(make_model: Callable[..., Model], tmp_path: Path) -> Any:
    """`changed(config, field=value)`: a copy of a sound model whose card says something else."""

    def change(config: UNetConfig, **fields: Any) -> Model:
        sound = make_model(f"verify-{abs(hash(config))}", config)
        folder = tmp_path / "changed"
        shutil.copytree(sound.folder, folder)
        card = json.loads((folder / "card.json").read_text()) | fields
        (folder / "card.json").write_text(json.dumps(card))
        return Model(ModelCard.load(folder / "card.json"), folder)

    return change


@pytest.mark.parametrize("config", [SAME, VALID], ids=["same", "valid"])
def test_a_sound_model_passes_and_is_added_once(
    changed: Any, config: UNetConfig, tmp_path: Path
) -> None:
    model = changed(config)
    verify(model)
    registry = Registry(tmp_path / "added", zoo=tmp_path / "none")
    assert registry.add(model.folder).card == model.card
    assert [m.card.name for m in registry.all()] == [model.card.name]
    with pytest.raises(Conflict):
        registry.add(model.folder)


@pytest.mark.parametrize("fields", [{"squeeze_excite": True}, {"bottleneck": "pyramid"}])
def test_a_network_that_looks_at_the_whole_tile_is_not_exact(changed: Any, fields: Any) -> None:
    """Whatever its card says; with a card that owns up it is served."""
    config = replace(SAME, **fields)
    model = changed(config, exact=True)
    with pytest.raises(BadModel, match=r"exact false.*ReduceMean .* whole tile"):
        verify(model)
    verify(Model(model.card.model_copy(update={"exact": False}), model.folder))


@pytest.mark.parametrize(
    ("config", "fields", "complaint"),
    [
        (SAME, {"halo": [8, 9]}, r"states halo 8 x 9\. The network has halo 9 x 9\."),
        (SAME, {"halo": [9, 10]}, r"states halo 9 x 10\. The network has halo 9 x 9\."),
        (VALID, {"halo": [7, 7]}, r"states halo 7 x 7\. The network has halo 8 x 8\."),
        (VALID, {"padding": "same"}, r"The network has padding valid\."),
        (SAME, {"align": [1, 1]}, r"states align 1 x 1\. The network has align 2 x 2\."),
        (SAME, {"minimum": [1, 2]}, r"states minimum 1 x 2\. The network has minimum 2 x 2\."),
        (SAME, {"exact": False}, r"states exact false\. The network has exact true\."),
        (SAME, {"channels": [{"name": "image", "components": 3}]}, "input channels"),
        (SAME, {"outputs": [0, 1, 1]}, "output channels"),
    ],
)
def test_a_card_that_is_wrong_is_refused(
    changed: Any, config: UNetConfig, fields: Any, complaint: str
) -> None:
    with pytest.raises(BadModel, match=complaint):
        verify(changed(config, **fields))


def test_a_changed_network_is_refused(changed: Any, tmp_path: Path) -> None:
    model = changed(SAME)
    model.network.write_bytes(model.network.read_bytes() + b"\0")
    with pytest.raises(BadModel, match="SHA-256"):
        Registry(tmp_path / "added").add(model.folder)
    assert not list((tmp_path / "added").glob("*")) if (tmp_path / "added").exists() else True


def test_a_file_that_is_no_network_is_refused(changed: Any) -> None:
    model = changed(SAME)
    model.network.write_bytes(b"not a network")
    sha = hashlib.sha256(b"not a network").hexdigest()
    with pytest.raises(BadModel, match="not a network in ONNX"):
        verify(Model(model.card.model_copy(update={"sha256": sha}), model.folder))


def test_a_card_names_its_faults(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"name": "Bad Name", "version": "1"}')
    with pytest.raises(BadModel, match=r"name: .*title: Field required"):
        ModelCard.load(tmp_path / "card.json")


@pytest.mark.parametrize(
    "fields", [{"align": [0, 0]}, {"halo": [-1, 0]}, {"minimum": [0, 4]}, {"bytes_per_voxel": -1}]
)
def test_a_card_with_impossible_numbers_is_refused(changed: Any, fields: Any) -> None:
    with pytest.raises(BadModel, match=next(iter(fields))):
        changed(SAME, **fields)


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="hippocampus-mri-3d"):
        Registry(tmp_path).get("nope")
