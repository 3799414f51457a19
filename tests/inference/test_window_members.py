"""Several networks of one model, such as folds: the mean of their outputs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadModel
from imaging.scan import Scan
from inference import session_cache
from inference.engine import Engine
from inference.networks.reach_probe import proved
from inference.networks.session import Session
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.verify import verify
from models.card import ModelCard
from models.completed_card import completed
from models.registry import Model, Registry
from tests.inference.test_window_parity import PARITY, nnunet_logits
from tests.support.instance_norm import (
    NNUNET,
    InstanceNormNetwork,
    as_onnx,
    instance_norm_model,
)
from tests.support.scans import noise

FP32 = RunOptions("cpu", "fp32")
WINDOWS: dict[str, Any] = NNUNET | {"mirror_axes": [1]}


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, list[InstanceNormNetwork]]:
    """A folder with three networks, and these in torch."""
    model, first = instance_norm_model(tmp_path / "source" / "folds", WINDOWS)
    networks, sums = [first], []
    for number in (1, 2):
        network = InstanceNormNetwork(3, 1, 4, seed=number).eval()
        data = as_onnx(network, 3)
        (model.folder / f"model_{number}.onnx").write_bytes(data)
        networks.append(network)
        sums.append(hashlib.sha256(data).hexdigest())
    model.card.model_copy(update={"members": tuple(sums)}).save(model.folder / "card.json")
    return model.folder, networks


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "added", zoo=tmp_path / "none")


def expected(scan: Scan, networks: list[InstanceNormNetwork]) -> NDArray[Any]:
    values = scan.read(Box.whole(scan.grid))
    logits = [nnunet_logits(values, one, (16, 12, 20), mirror_axes=(1,)) for one in networks]
    return np.asarray(np.mean(logits, axis=0).argmax(0))


def run(engine: Engine, model: Model, scan: Scan, context: RunContext | None = None) -> Any:
    return engine.run({"image": scan}, model, FP32, context)


@pytest.mark.slow
def test_labels_are_those_of_the_mean_of_all_networks(
    source: tuple[Path, list[InstanceNormNetwork]], registry: Registry
) -> None:
    folder, networks = source
    model = registry.add(folder, verify)
    assert sorted(path.name for path in model.folder.iterdir()) == [
        "card.json", "model.onnx", "model_1.onnx", "model_2.onnx",
    ]  # fmt: skip
    scan, seen = noise((1, 30, 29, 41), (1.0, 1.0, 1.0)), list[tuple[int, int]]()
    result = run(Engine(registry), model, scan, RunContext(lambda *at: seen.append(at)))
    labels = expected(scan, networks)
    assert (result.mask == labels).mean() >= PARITY
    assert (labels == expected(scan, networks[:2])).mean() < PARITY
    assert seen[-1] == (3 * result.record.tiles, 3 * result.record.tiles)


@pytest.mark.slow
def test_networks_that_do_not_fit_together_are_loaded_in_turn(
    source: tuple[Path, list[InstanceNormNetwork]],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, scan = registry.add(source[0]), noise((1, 30, 29, 41), (1.0, 1.0, 1.0))
    loaded = list[str]()

    class Counted(Session):
        def __init__(self, network: Path, *told: Any) -> None:
            loaded.append(network.name)
            super().__init__(network, *told)

    monkeypatch.setattr(session_cache, "Session", Counted)
    result = run(Engine(registry), model, scan)
    assert loaded == ["model.onnx", "model_1.onnx", "model_2.onnx"]
    in_turn = run(Engine(registry, model_bytes=0), model, scan).mask
    plan = result.record.network.plan
    rows = len(plan.starts[plan.along])
    assert rows > 2
    assert loaded[3:] == ["model.onnx", *["model_1.onnx", "model_2.onnx"] * rows]
    np.testing.assert_array_equal(in_turn, result.mask)


def test_a_card_is_completed_with_the_folders_networks(
    source: tuple[Path, list[InstanceNormNetwork]], tmp_path: Path
) -> None:
    folder, _ = source
    stated = json.loads((folder / "card.json").read_text())
    draft = tmp_path / "draft"
    draft.mkdir()
    for members in (stated["members"], None):
        bare = {name: value for name, value in stated.items() if name not in ("sha256", "members")}
        bare |= {"members": members} if members else {}
        (folder / "card.json").write_text(json.dumps(bare))
        completed(folder, draft, proved)
        assert ModelCard.load(draft / "card.json").members == tuple(stated["members"])
        assert len(list(draft.glob("*.onnx"))) == 3
    (folder / "card.json").write_text(json.dumps(stated | {"members": stated["members"][:1]}))
    with pytest.raises(BadModel, match="2 further networks"):
        completed(folder, draft, proved)


def test_every_network_is_checked(
    source: tuple[Path, list[InstanceNormNetwork]], registry: Registry, tmp_path: Path
) -> None:
    folder, _ = source
    card = ModelCard.load(folder / "card.json")
    one = card.model_copy(update={"members": ()})
    assert one.checksum == one.sha256
    assert len({card.checksum, one.checksum, *card.members}) == 4
    member = folder / "model_2.onnx"
    data = member.read_bytes()
    member.write_bytes(data + b"\0")
    with pytest.raises(BadModel, match="SHA-256"):
        registry.add(folder)
    member.unlink()
    with pytest.raises(BadModel, match=r"contains no model_2\.onnx"):
        registry.add(folder)
    wide = as_onnx(InstanceNormNetwork(3, 1, 5), 3)
    member.write_bytes(wide)
    sums = (card.members[0], hashlib.sha256(wide).hexdigest())
    card.model_copy(update={"members": sums}).save(folder / "card.json")
    with pytest.raises(BadModel, match="5 output channels"):
        registry.add(folder, verify)
    card.model_copy(update={"windows": None}).save(tmp_path / "card.json")
    with pytest.raises(BadModel, match="members need windows"):
        ModelCard.load(tmp_path / "card.json")
