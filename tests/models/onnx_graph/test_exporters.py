"""Networks as PyTorch's exporters write them: sizes are computed in the graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.networks.reach_probe import proved
from models.onnx_graph.derive import derive
from models.onnx_graph.facts import GraphFacts
from models.onnx_graph.network_file import read_network

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class ToSize(nn.Module):
    """Interpolates the low resolution to the size of the high one."""

    def __init__(self, mode: str = "bilinear", norm: nn.Module | None = None) -> None:
        super().__init__()
        self.high, self.low = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, 2, padding=1)
        self.norm, self.mode = norm or nn.BatchNorm2d(4), mode
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        high = functional.relu(self.norm(self.high(image)))
        low = functional.interpolate(self.low(high), size=high.shape[2:], mode=self.mode)
        return self.head(torch.cat([high, low], 1))


class PaddedSkip(nn.Module):
    """Pads the raised maps to the size of the skip, as if poolings could get odd sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        high = functional.relu(self.high(image))
        low = self.low(functional.max_pool2d(high, 2))
        raised = functional.interpolate(low, scale_factor=2, mode="bilinear")
        rows = high.size(2) - raised.size(2)
        columns = high.size(3) - raised.size(3)
        edges = [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]
        return self.head(torch.cat([high, functional.pad(raised, edges)], 1))


class ToMultiple(nn.Module):
    """Pads the image to a multiple of 4, and crops the result."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 4, 3, 4, padding=1)
        self.up = nn.ConvTranspose2d(4, 2, 4, 4)

    def forward(self, image: Tensor) -> Tensor:
        rows, columns = image.shape[2:]
        padded = functional.pad(image, [0, (4 - columns % 4) % 4, 0, (4 - rows % 4) % 4])
        return self.up(self.down(padded))[:, :, :rows, :columns]


class Shuffled(nn.Module):
    """Raises the resolution by rearranging channels."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(1, 8, 4, 2, padding=1), nn.PixelShuffle(2)

    def forward(self, image: Tensor) -> Tensor:
        return self.up(self.down(image))


class Volume(nn.Module):
    """Three axes, one of which is pooled less."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv3d(1, 4, 3, padding=1), nn.Conv3d(4, 4, 3, padding=1)
        self.up, self.head = nn.ConvTranspose3d(4, 4, (1, 2, 2), (1, 2, 2)), nn.Conv3d(8, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        high = functional.elu(self.one(image))
        low = self.two(functional.max_pool3d(high, (1, 2, 2)))
        return self.head(torch.cat([high, self.up(low)], 1))


Numbers = tuple[tuple[int, ...], tuple[int, ...]]
EXACT: dict[str, tuple[Callable[[], nn.Module], Numbers]] = {
    "to size": (ToSize, ((4, 4), (2, 2))),
    "to size, nearest": (lambda: ToSize("nearest"), ((3, 3), (2, 2))),
    "to size, cubic": (lambda: ToSize("bicubic"), ((6, 6), (2, 2))),
    "padded skip": (PaddedSkip, ((6, 6), (2, 2))),
    "to a multiple": (ToMultiple, ((4, 4), (4, 4))),
    "shuffled": (Shuffled, ((2, 2), (2, 2))),
    "volume": (Volume, ((2, 4, 4), (1, 2, 2))),
}
WHOLE: dict[str, Callable[[], nn.Module]] = {
    "InstanceNormalization": lambda: ToSize(norm=nn.InstanceNorm2d(4)),
    "InstanceNormalization ": lambda: ToSize(norm=nn.GroupNorm(2, 4)),
}


def exported(network: nn.Module, path: Path, *, new: bool, axes: int = 2) -> GraphFacts:
    image = torch.randn(2, 1, *(16,) * axes)
    if new:
        pytest.importorskip("onnxscript")
        sizes = dict.fromkeys((0, *range(2, axes + 2)), torch.export.Dim.DYNAMIC)
        options: dict[str, Any] = {"dynamic_shapes": (sizes,), "external_data": True}
        torch.onnx.export(network.eval(), (image,), path, dynamo=True, verbose=False, **options)
        file = read_network(path)
        assert [one.name for one in file.external] == [f"{path.name}.data"]
    else:
        names = {0: "n", **{axis: f"size{axis}" for axis in range(2, axes + 2)}}
        torch.onnx.export(
            network.eval(),
            (image,),
            path,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": names, "logits": names},
            dynamo=False,
        )
        file = read_network(path)
    return proved(file, derive(file))


@pytest.mark.parametrize("new", [False, True], ids=["old exporter", "new exporter"])
@pytest.mark.parametrize("name", EXACT)
def test_exported_networks_are_derived(name: str, new: bool, tmp_path: Path) -> None:
    make, (halo, align) = EXACT[name]
    facts = exported(make(), tmp_path / "model.onnx", new=new, axes=len(halo))
    assert (facts.exact, facts.reason) == (True, "")
    assert (facts.tiling.padding, facts.tiling.halo, facts.tiling.align) == ("same", halo, align)
    assert facts.tiling.minimum == align


@pytest.mark.parametrize("new", [False, True], ids=["old exporter", "new exporter"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_norm_over_the_tile_is_named(name: str, new: bool, tmp_path: Path) -> None:
    """Also where it stands between reshapes, as group norm does."""
    facts = exported(WHOLE[name](), tmp_path / "model.onnx", new=new)
    assert not facts.exact
    assert facts.reason.startswith(name.strip())
    assert facts.tiling.align == (2, 2)
