"""The networks that are shipped: sound, small, and good on pictures that packages carry."""

from importlib.resources import files
from pathlib import Path

import nibabel as nib
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data

from imaging.instances import number_instances
from imaging.intensity import normalisation
from imaging.metrics import dice
from imaging.scan import in_memory
from inference.engine import Engine
from models.card import ModelCard
from models.nets.cost import cost
from models.nets.receptive_field import receptive_field
from models.registry import ZOO, Registry
from models.training.config import TrainingConfig
from models.training.train import train

CONFIGS = Path(train.__code__.co_filename).parent / "configs"
LEAST = {
    "brain-mri-3d": 0.75,
    "em-membrane-2d": 0.8,
    "hippocampus-mri-3d": 0.89,
    "nuclei-2d": 0.90,
}
"""Dice on the validation cases."""
SHIPPED = tuple(LEAST)
ALL = pytest.mark.parametrize("name", SHIPPED)


def outputs(card: ModelCard, image: NDArray[np.generic]) -> NDArray[np.intp]:
    """The best output for each voxel of a whole image (c, *spatial), without tiling of ours."""
    values = normalisation(in_memory(image), card.value_rule).apply(image)
    pad = [(0, 0)]
    for n, halo, align, least in zip(
        image.shape[1:], card.halo, card.align, card.minimum, strict=True
    ):
        halo = halo if card.padding == "valid" else 0
        steps = max(0, -(-(n + 2 * halo - least) // align))
        pad.append((halo, least + steps * align - n - halo))
    network = onnxruntime.InferenceSession(
        str(ZOO / card.name / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    padded = np.pad(values, pad, mode="reflect")[None]
    (logits,) = network.run(["logits"], {"image": padded})
    inner = tuple(slice(0, n) for n in image.shape[1:])
    return logits[(0, slice(None), *inner)].argmax(0)


def test_nothing_else_is_shipped() -> None:
    assert tuple(model.card.name for model in Registry().all()) == SHIPPED


@ALL
def test_a_shipped_model_is_small_whole_and_says_what_it_is(name: str) -> None:
    model = Registry().network(name)
    assert model.verified.stat().st_size < 16 * 2**20
    readme = (model.folder / "README.md").read_text()
    for text in (model.card.intended_use, readme):
        assert "not for clinical use" in text
    assert model.card.licence in readme
    assert all((model.card.data, model.card.split, model.card.limits, model.card.figures))
    assert model.card.figures["dice"] >= LEAST[name]
    assert '"/' not in (model.folder / "card.json").read_text()  # no folder of anyone's machine


@ALL
def test_its_card_is_what_its_configuration_derives(name: str) -> None:
    card = Registry().network(name).card
    config = TrainingConfig.load(CONFIGS / f"{name}.toml")
    unet = config.network.unet()
    field, costs, axes = receptive_field(unet), cost(unet), card.dimension
    assert (card.halo, card.align) == ((field.halo,) * axes, (field.align,) * axes)
    assert (card.minimum, card.exact) == ((field.minimum,) * axes, True)
    assert (card.parameters, card.bytes_per_voxel) == (costs.parameters, costs.bytes_per_voxel)
    facts = config.card.model_dump()
    assert facts == {key: card.model_dump()[key] for key in facts}


def mni152(kind: str) -> Path:
    """The template, or one of its maps, as nilearn carries them."""
    folder = files("nilearn") / "datasets" / "data"
    return Path(str(next(e for e in folder.iterdir() if e.name.startswith(f"mni_icbm152_{kind}_"))))


@pytest.mark.slow
def test_the_brain_of_the_mni_template_is_parted(tmp_path: Path, cache: Path) -> None:
    """Grey and white matter against the template's own maps at one half; never trained on."""
    made = Engine(Registry(), cache=cache).segment({"mri": mni152("t1")}, "brain-mri-3d", tmp_path)
    mask = np.asarray(nib.load(made.mask).dataobj)
    for value, kind, least in ((1, "gm", 0.75), (2, "wm", 0.80)):
        assert dice(mask == value, np.asarray(nib.load(mni152(kind)).dataobj) > 127.5) >= least
    litres = (mask > 0).sum() / 1e6
    assert 1.4 < litres < 2.0  # the template's head is large: 1.88 litres within its mask


@pytest.mark.slow
@pytest.mark.parametrize("extent", [(40, 56, 44), (36, 48, 36), (52, 68, 56)])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_hippocampus_of_the_mni_template_is_found(
    side: int, extent: tuple[int, ...], tmp_path: Path, cache: Path
) -> None:
    """3.0 to 5.5 ml in one piece, where it lies, its head before its tail."""
    volume = nib.as_closest_canonical(nib.load(mni152("t1")))
    centre = np.linalg.inv(volume.affine) @ (27 * side, -22, -15, 1)
    start = np.round(centre[:3] - np.array(extent) / 2).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(start, extent, strict=True))
    nib.save(volume.slicer[box], tmp_path / "crop.nii.gz")
    made = Engine(Registry(), cache=cache).segment(
        {"t1": tmp_path / "crop.nii.gz"}, "hippocampus-mri-3d", tmp_path
    )
    found = np.asarray(nib.load(made.mask).dataobj)
    pieces, count = ndimage.label(found)
    largest = np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    assert 3.0 < (pieces == largest).sum() / 1000 < 5.5
    assert (pieces == largest).sum() > 0.97 * (found > 0).sum()
    middle = np.argwhere(pieces == largest).mean(0) + start
    assert np.linalg.norm(middle - centre[:3]) < 8
    anterior, posterior = (np.argwhere(found == value)[:, 1].mean() for value in (1, 2))
    assert anterior > posterior + 8
    assert count < 8


def test_nuclei_of_a_stained_tissue_are_found() -> None:
    """Where haematoxylin is dense: its nuclei are blue, among the brown of the other stain."""
    picture = data.immunohistochemistry()
    card = Registry().network("nuclei-2d").card
    found = outputs(card, np.moveaxis(picture, -1, 0))
    assert card.instances is not None
    numbered = number_instances(
        found, card.instances.seed, card.instances.rim, card.instances.min_voxels
    )
    darkness = 255.0 - picture[..., 0]  # of red light, which haematoxylin takes and DAB less
    assert darkness[found > 0].mean() > darkness[found == 0].mean() + 15
    assert 100 < numbered.max() < 900
    sizes = np.bincount(numbered.ravel())[1:]
    assert 20 < np.median(sizes) < 600


def test_bright_and_dark_nuclei_are_found_alike() -> None:
    """Discs of known number and place, brighter or darker than their ground, some touching."""
    card = Registry().network("nuclei-2d").card
    rows, columns = np.mgrid[:160, :160]
    truth = np.zeros((160, 160), int)
    places = [(r, c) for r in range(20, 150, 34) for c in range(22, 150, 38)]
    for number, (r, c) in enumerate(places, 1):
        truth[np.hypot(rows - r, columns - c) < 9] = number
    soft = ndimage.gaussian_filter((truth > 0).astype(float), 1)
    noise = np.random.default_rng(0).normal(0, 4, truth.shape)
    for picture in (40 + 150 * soft + noise, 220 - 150 * soft + noise):
        grey = np.repeat(picture.astype(np.uint8)[None], 3, 0)
        found = outputs(card, grey)
        mask = found > 0
        assert dice(mask, truth > 0) > 0.85
        numbered = number_instances(found, 1, 2, card.instances.min_voxels)
        assert numbered.max() == len(places)
