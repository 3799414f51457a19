"""Fine-tuning of a tiny network on masks that are made here: exact, repeatable, measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from imaging.box import Box
from imaging.errors import BadRequest, StorageFull
from models.card import ModelCard
from models.card_parts import Training
from models.data_set.export import ExportOptions, export_data_set
from models.data_set.manifest import Manifest
from models.export import export
from models.nets.onnx_file import weights_of
from models.nets.receptive_field import receptive_field
from models.registry import ZOO
from models.training import fine_tune as module
from models.training.augment import positions, window
from models.training.cut_out import cut_out
from models.training.data import Case
from models.training.derived_config import derived_config
from models.training.evaluate import painted, predict
from models.training.fine_tune import FineTuned, FineTuneOptions, FineTuneProgress, Phase, fine_tune
from models.training.measured import segmented
from models.training.parent_network import ParentNetwork, read_parent
from models.training.prepared_cases import prepared_cases
from models.training.tables import Augmentation
from models.training.train import train
from tests.support.disk import mounted
from tests.support.judged_masks import MadeMasks, ball
from tests.support.training_data import blobs, write_config

pytestmark = [pytest.mark.slow, pytest.mark.process]  # a training asks git for the commit

OPTIONS = FineTuneOptions(steps=30, learning_rate=1e-2, threads=1)
CHOSEN = {"seed": 0, "steps": 1, "learning_rate": 1e-4, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that finds bright balls."""
    folder = tmp_path_factory.mktemp("parent")
    best = train(write_config(folder, steps=30), folder / "run", data=blobs(folder))
    export(best, folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory, parent: Path) -> Path:
    """A data set of dark balls, which the parent does not find."""
    card, random = ModelCard.load(parent / "card.json"), np.random.default_rng(3)
    masks = MadeMasks()
    for number in range(14):
        image, mask = ball(random, contrast=-50)
        masks.add(image, mask, subject=str(number), sha256=card.sha256)
    folder = tmp_path_factory.mktemp("dark")
    export_data_set(masks, card, {card.sha256}, folder, ExportOptions(0.4))
    return folder


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, parent: Path, dark: Path) -> FineTuned:
    return fine_tune(parent, dark, tmp_path_factory.mktemp("tuned"), OPTIONS)


@pytest.mark.parametrize("name", sorted(folder.name for folder in ZOO.iterdir()))
def test_the_shipped_networks_come_back_from_their_files_exactly(name: str, tmp_path: Path) -> None:
    """Their weights bit for bit; `read_parent` compares their outputs with ONNX Runtime's."""
    found = read_parent(ZOO / name, tmp_path)
    stored = weights_of(ZOO / name / "model.onnx")
    state = found.network.state_dict()
    assert all(torch.equal(state[key], value) for key, value in stored.items())
    assert {key for key in state if not key.endswith("num_batches_tracked")} == set(stored)
    config = derived_config(found, "2", ["held out"], dict(CHOSEN))
    assert config.card.labels == found.card.labels
    assert config.optimisation.norm_until == 0
    assert config.network.logit_offsets == ()


def test_a_network_learns_what_readers_corrected(
    tuned: FineTuned, parent: Path, dark: Path
) -> None:
    before, after = tuned.before["dice"], tuned.after["dice"]
    assert before < 0.3 < 0.7 < after
    assert not tuned.is_worse
    card, old = ModelCard.load(tuned.folder / "card.json"), ModelCard.load(parent / "card.json")
    manifest = Manifest.load(dark)
    assert card.full_name == "blob@2"
    assert card.parent is not None
    assert (card.parent.name, card.parent.version) == (old.name, old.version)
    assert card.parent.sha256 == old.sha256 != card.sha256
    assert card.parent.figures["dice"] == pytest.approx(before, abs=1e-4)
    assert card.figures["dice"] == pytest.approx(after, abs=1e-4)
    assert card.parent.held_out_cases == tuned.cases == len(manifest.of_side("held-out"))
    assert card.exact
    assert "corrected" in card.data
    rows = json.loads((tuned.folder.parent / "held-out.json").read_text())
    assert {row["case"] for row in rows} == {case.name for case in manifest.of_side("held-out")}
    assert np.mean([row["after"]["dice"] for row in rows]) == pytest.approx(after)


def test_a_killed_fine_tuning_continues_to_the_same_weights(
    tmp_path: Path,
    parent: Path,
    dark: Path,
    tuned: FineTuned,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SAVE_S", 0.0)
    phases: list[Phase] = []

    class Killed(BaseException):
        pass

    def kill(progress: FineTuneProgress) -> None:
        if progress.phase is Phase.TRAINING and progress.step == 17:
            raise Killed

    def follow(progress: FineTuneProgress) -> None:
        assert 0 <= progress.step <= progress.total
        if progress.phase not in phases:
            phases.append(progress.phase)
            if progress.phase is Phase.TRAINING:
                assert progress.step == 17

    with pytest.raises(Killed):
        fine_tune(parent, dark, tmp_path, OPTIONS, kill)
    again = fine_tune(parent, dark, tmp_path, OPTIONS, follow)
    assert phases == list(Phase)
    assert (again.folder / "model.onnx").read_bytes() == (tuned.folder / "model.onnx").read_bytes()


def test_what_cannot_be_fine_tuned_is_refused_with_the_way_out(
    tmp_path: Path, parent: Path, dark: Path
) -> None:
    card = ModelCard.load(parent / "card.json")
    assert card.training is not None
    unknown = Training(**card.training.model_dump() | {"config": {}})
    for change, reason in (
        ({"training": None}, "not trained by Tessera"),
        ({"training": unknown}, "does not state the layers"),
        ({"members": ("0" * 64,)}, "several networks"),
    ):
        folder = tmp_path / reason.replace(" ", "-")
        folder.mkdir()
        (folder / "model.onnx").write_bytes((parent / "model.onnx").read_bytes())
        card.model_copy(update=change).save(folder / "card.json")
        with pytest.raises(Exception, match=f"{reason}|members need windows"):
            fine_tune(folder, dark, tmp_path / "out", OPTIONS)
    with pytest.raises(BadRequest, match="other labels"):
        fine_tune(ZOO / "hippocampus-mri-3d", dark, tmp_path / "out", OPTIONS)
    (dark / "labels").rename(dark / "gone")
    try:
        with pytest.raises(BadRequest, match="missing or was changed: labels"):
            fine_tune(parent, dark, tmp_path / "out", OPTIONS)
    finally:
        (dark / "gone").rename(dark / "labels")


def test_cases_are_brought_to_the_networks_spacing_and_axes(tmp_path: Path, parent: Path) -> None:
    """A ball in voxels of 2 x 2 x 1 mm becomes one of 1 x 1 x 2 mm, at the same place."""
    found, random = read_parent(parent, tmp_path), np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*map(np.arange, (10, 12, 30)), indexing="ij"), -1)
    masks = MadeMasks()
    for number in range(4):
        distance = np.linalg.norm((grid - (4.5, 6.0, 14.0)) * (2, 2, 1), axis=-1)
        mask = (distance < 6).astype(np.uint8)
        image = (100 + 50 * mask + random.standard_normal(mask.shape)).astype(np.float32)
        masks.add(image, mask, subject=str(number), spacing=(2.0, 2.0, 1.0))
    manifest = export_data_set(masks, found.card, {"a" * 64}, tmp_path / "d", ExportOptions(0.6))
    config = derived_config(found, "2", ["x"], dict(CHOSEN))
    (case, *_) = prepared_cases(
        manifest.cases, tmp_path / "d", tmp_path / "c", config, lambda _done: None
    )
    assert case.image.shape == (1, 20, 24, 15)
    assert case.label.shape == (20, 24, 15)
    assert int(case.label.sum()) * 2 == pytest.approx(4 * np.pi * 6**3 / 3, rel=0.1)
    centre = np.argwhere(case.label).mean(axis=0)
    assert centre == pytest.approx(((4.5 + 0.5) * 2 - 0.5, 6.5 * 2 - 0.5, 14.5 / 2 - 0.5), abs=0.2)
    assert case.image[0][case.label > 0].mean() > case.image[0][case.label == 0].mean() + 1


def test_a_tiled_evaluation_is_that_of_the_whole_case(
    tmp_path: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_parent(parent, tmp_path)
    config = derived_config(found, "2", ["x"], dict(CHOSEN))
    field = receptive_field(found.network.config)
    image, label = ball(np.random.default_rng(5))
    case = Case("one", ((image[np.newaxis] - 100) / 20).astype(np.float32), label.astype(np.int32))
    monkeypatch.setattr("models.training.measured._LARGEST", {3: 8})
    mask = segmented(found.network, field, config, case, tmp_path)
    assert np.array_equal(mask, painted(predict(found.network, field, case.image), config))
    assert mask.any()


def test_a_window_of_a_large_case_reads_the_same_part_of_it() -> None:
    random = np.random.default_rng(2)
    image = random.standard_normal((1, 60, 50, 40)).astype(np.float32)
    case = Case("large", image, (image[0] > 1).astype(np.int32))
    change = Augmentation(rotation_degrees=20, elastic=1.0)
    for corner in (Box((0, 0, 0), (1, 1, 1)), Box((59, 49, 39), (60, 50, 40)), None):
        grid, _ = positions((60, 50, 40), (8, 8, 8), 2, change, random, corner)
        part, moved = cut_out(case, grid)
        assert part.label.size < case.label.size / 2
        expected = window(torch.from_numpy(image), grid, "bilinear")
        found = window(torch.from_numpy(part.image), moved, "bilinear")
        assert torch.allclose(found, expected, atol=1e-4)


def test_several_channels_are_read_in_the_cards_order(tmp_path: Path, parent: Path) -> None:
    found = read_parent(parent, tmp_path)
    (channel,) = found.card.channels
    channels = (channel, channel.model_copy(update={"name": "t2"}))
    card = found.card.model_copy(update={"channels": channels})
    two = ParentNetwork(
        card,
        found.folder,
        found.settings.model_copy(update={"in_channels": 2}),
        found.training,
        found.network,
    )
    config = derived_config(two, "2", ["x"], dict(CHOSEN))
    masks, random = MadeMasks(), np.random.default_rng(0)
    for number in range(4):
        image, mask = ball(random)
        masks.add({"t1": image, "t2": -image}, mask, subject=str(number))
    manifest = export_data_set(masks, card, {"a" * 64}, tmp_path / "d", ExportOptions(0.6))
    (case, *_) = prepared_cases(
        manifest.cases, tmp_path / "d", tmp_path / "c", config, lambda _done: None
    )
    assert case.image.shape[0] == 2
    assert np.allclose(case.image[0], -case.image[1], atol=1e-4)


def test_a_full_disk_is_said(tmp_path: Path, parent: Path, dark: Path) -> None:
    """Both while cases are prepared and while the state is saved; nothing is torn."""
    for free_kb in (150, 360):  # of 280 for the cases, and 130 for the state
        with mounted(tmp_path / f"disk{free_kb}", 1) as disk:
            (disk / "filler").write_bytes(bytes((1024 - free_kb) * 1024))
            with pytest.raises(StorageFull, match="disk is full"):
                fine_tune(parent, dark, disk / "run", OPTIONS)
