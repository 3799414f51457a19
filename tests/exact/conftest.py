"""Scans and networks that tiles are compared on."""

from pathlib import Path

import nibabel
import nilearn
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from models.nets.config import UNetConfig
from models.nets.unet import UNet
from models.registry import Model
from tests.support.networks import exported, random_network


@pytest.fixture(scope="session")
def template() -> nibabel.Nifti1Image:
    """The MNI152 T1 template that nilearn carries."""
    folder = Path(nilearn.__file__).parent / "datasets" / "data"
    (path,) = folder.glob("mni_icbm152_t1_*.nii.gz")
    return nibabel.load(path)


@pytest.fixture(scope="session")
def brain(template: nibabel.Nifti1Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prime-sized crop, 67 x 83 x 61, around the left hippocampus."""
    path = tmp_path_factory.mktemp("scans") / "brain.nii.gz"
    nibabel.save(template.slicer[38:105, 70:153, 30:91], path)
    return path


@pytest.fixture(scope="session")
def hemisphere(template: nibabel.Nifti1Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A longer and thinner one, with much of the hippocampus: 29 x 131 x 29."""
    path = tmp_path_factory.mktemp("scans") / "hemisphere.nii.gz"
    nibabel.save(template.slicer[56:85, 40:171, 42:71], path)
    return path


@pytest.fixture(scope="session")
def cortex(template: nibabel.Nifti1Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another crop, 43 x 47 x 41."""
    path = tmp_path_factory.mktemp("scans") / "cortex.nii.gz"
    nibabel.save(template.slicer[101:144, 60:107, 90:131], path)
    return path


@pytest.fixture(scope="session")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stained picture of 641 x 509 pixels: scikit-image's, mirrored beyond its lower edge."""
    found = skimage.data.immunohistochemistry()[:, :509]
    picture = np.pad(found, ((0, 129), (0, 0), (0, 0)), "reflect")
    path = tmp_path_factory.mktemp("scans") / "tissue.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture(scope="session")
def biopsy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Less of it: 511 x 389 pixels."""
    path = tmp_path_factory.mktemp("scans") / "biopsy.png"
    Image.fromarray(skimage.data.immunohistochemistry()[:511, :389]).save(path)
    return path


TIES = pytest.StashKey[list[str]]()


@pytest.fixture
def ties(pytestconfig: pytest.Config) -> list[str]:
    """Lines about ties within rounding, shown when all tests are over."""
    return pytestconfig.stash.setdefault(TIES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    terminalreporter.section("voxels whose two best classes lie within rounding")
    for line in config.stash.get(TIES, []):
        terminalreporter.write_line(line)


def random_model(folder: Path, name: str, config: UNetConfig) -> Model:
    """Random weights, balanced, in folder/name."""
    network = balanced(random_network(config, seed=len(name)))
    return exported(network, config, name, folder)


def balanced(network: UNet) -> UNet:
    """Scales and shifts the last layer so that every output wins somewhere."""
    config = network.config
    coarse = torch.randn(
        1, config.in_channels, *(21 if config.dimension == 2 else 8,) * config.dimension
    )
    smooth = "bilinear" if config.dimension == 2 else "trilinear"
    image = torch.nn.functional.interpolate(
        coarse, scale_factor=12 if config.dimension == 2 else 8, mode=smooth
    )
    with torch.inference_mode():
        logits = network(image)
    axes = (0, *range(2, logits.ndim))
    *_, last = (m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Conv3d))
    spread = logits.std(axes).clamp_min(1e-9)
    last.weight.data /= spread.view(-1, *(1,) * (last.weight.ndim - 1))
    last.bias.data = (last.bias.data - logits.mean(axes)) / spread
    return network


@pytest.fixture(scope="session")
def random_same(tmp_path_factory: pytest.TempPathFactory) -> Model:
    config = UNetConfig.of_widths(
        (6, 8), dimension=3, out_channels=3, padding="same", batch_norm=True
    )
    return random_model(tmp_path_factory.mktemp("models"), "random-same", config)


@pytest.fixture(scope="session")
def many_labels(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """More outputs than features: OpenVINO makes its logits strip by strip."""
    config = UNetConfig.of_widths((6, 8), dimension=3, out_channels=12, padding="same")
    return random_model(tmp_path_factory.mktemp("models"), "many-labels", config)


@pytest.fixture(scope="session")
def random_valid(tmp_path_factory: pytest.TempPathFactory) -> Model:
    config = UNetConfig.of_widths((6, 8, 12), dimension=3, out_channels=3, batch_norm=True)
    return random_model(tmp_path_factory.mktemp("models"), "random-valid", config)


@pytest.fixture(scope="session")
def shallow_same(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A `same` network of one level: halo 2, align 1, and every voxel of its halo weighs."""
    config = UNetConfig.of_widths((6,), dimension=3, out_channels=3, padding="same")
    return random_model(tmp_path_factory.mktemp("models"), "shallow-same", config)


@pytest.fixture(scope="session")
def paper_shaped(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The 2D paper's geometry (572 -> 388, align 16) with fewer channels."""
    config = UNetConfig.of_widths((4, 6, 8, 10, 12), in_channels=3)
    return random_model(tmp_path_factory.mktemp("models"), "paper-shaped", config)


@pytest.fixture(scope="session")
def shallow_valid(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A shallow `valid` network: every voxel of its halo weighs."""
    config = UNetConfig.of_widths((4, 6), in_channels=3)
    return random_model(tmp_path_factory.mktemp("models"), "shallow-valid", config)
