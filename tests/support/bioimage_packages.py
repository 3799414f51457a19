"""Packages of BioImage.IO, built with bioimageio.spec and run with bioimageio.core."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn

SIZES = {2: (48, 40), 3: (16, 24, 20)}
"""Size of the test tensors."""


class SmallUNet(nn.Module):
    """Two levels, with random weights; `last` puts the channels behind the spatial axes, `whole`
    makes each voxel depend on all others."""

    SCALE = 4

    def __init__(
        self,
        axes: int,
        channels: int = 1,
        outputs: int = 1,
        *,
        last: bool = False,
        whole: bool = False,
    ) -> None:
        super().__init__()
        conv, pool = (nn.Conv2d, nn.MaxPool2d) if axes == 2 else (nn.Conv3d, nn.MaxPool3d)
        up = nn.ConvTranspose2d if axes == 2 else nn.ConvTranspose3d
        self.first = nn.Sequential(conv(channels, 6, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(pool(2), conv(6, 6, 3, padding=1), nn.ReLU())
        self.up = up(6, 6, 2, stride=2)
        self.end = conv(12, outputs, 1)
        self.last, self.whole = last, whole

    def forward(self, image: Tensor) -> Tensor:
        image = torch.movedim(image, image.dim() - 1, 1) if self.last else image
        fine = self.first(image)
        if self.whole:
            fine = fine - fine.mean(dim=(2, 3), keepdim=True)
        result: Tensor = self.SCALE * self.end(torch.cat((fine, self.up(self.deep(fine))), 1))
        return torch.movedim(result, 1, result.dim() - 1) if self.last else result


def small_network(axes: int, **arguments: Any) -> SmallUNet:
    """The network of a package, always with the same weights."""
    torch.manual_seed(3)
    network = SmallUNet(axes, **arguments)
    network.eval()
    return network


def example_image(axes: int, channels: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    """(channels, *SIZES[axes]): noise around another value in each channel."""
    noise = np.random.default_rng(seed).normal(size=(channels, *SIZES[axes]))
    levels = 90 + 30 * np.arange(channels).reshape(-1, *(1,) * axes)
    return np.clip(25 * noise + levels, 0, 255).astype(np.uint8)


def write_onnx(
    network: nn.Module, file: Path, shape: tuple[int, ...], *, free: bool = True
) -> None:
    """`shape`: of the network's input."""
    spatial = {axis: f"d{axis}" for axis in range(len(shape)) if shape[axis] > 5}
    names = {"raw": {0: "b", **spatial}, "found": {0: "b", **spatial}} if free else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(shape),), str(file), dynamo=False, opset_version=17,
            input_names=["raw"], output_names=["found"], dynamic_axes=names,
        )  # fmt: skip


def write_torchscript(network: nn.Module, file: Path, shape: tuple[int, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network, torch.zeros(shape)).save(str(file))


def step(name: str, **arguments: Any) -> dict[str, Any]:
    """A step before or after the network, as descriptions of format 0.5 write it."""
    return {"id": name, "kwargs": arguments}


def ordered(image: NDArray[Any], axes: str) -> NDArray[Any]:
    """(channels, *space) along `axes`, such as `byxc`, with a batch of one."""
    first = "bc" + "zyx"[2 - len(axes) :]
    return np.ascontiguousarray(np.transpose(image[None], [first.index(axis) for axis in axes]))


def package(
    folder: Path,
    *,
    axes: str = "bcyx",
    network: Mapping[str, Any] | None = None,
    before: Sequence[Mapping[str, Any]] = (),
    after: Sequence[Mapping[str, Any]] = (),
    weights: Sequence[str] = ("onnx",),
    names: tuple[Sequence[str], Sequence[str]] = ((), ()),
    pixel: Mapping[str, Any] | None = None,
) -> Path:
    """A zip of format 0.5 whose test output is what bioimageio.core predicts.

    The last layer's biases make the median of each output 0, so that a mask is half full.
    """
    arguments = dict(network or {})
    space = axes.replace("b", "").replace("c", "")
    module = small_network(len(space), last=axes.endswith("c"), **arguments)
    image = ordered(example_image(len(space), arguments.get("channels", 1)), axes)
    folder.mkdir(parents=True)
    np.save(folder / "input.npy", image)
    outputs = np.ones((arguments.get("outputs", 1), *SIZES[len(space)]), np.float32)
    np.save(folder / "output.npy", ordered(outputs, axes))  # of the right shape, until it is known
    (folder / "README.md").write_text("# Small U-Net\n\n#### Validation\n\nNone.\n")
    description = {
        "type": "model", "format_version": "0.5.4", "name": "Small U-Net", "license": "CC-BY-4.0",
        "description": "A small U-Net with random weights.", "version": "0.3",
        "documentation": "README.md", "cite": [{"text": "None", "doi": "10.1234/none"}],
        "authors": [{"name": "A. Author"}],
        "inputs": [_tensor("raw", axes, arguments.get("channels", 1), names[0], pixel)
                   | {"test_tensor": {"source": "input.npy"}, "preprocessing": [*before],
                      "data": {"type": "uint8"}}],
        "outputs": [_tensor("found", axes, arguments.get("outputs", 1), names[1], pixel)
                    | {"test_tensor": {"source": "output.npy"}, "postprocessing": [*after]}],
        "weights": _weights(folder, module, image.shape, weights, arguments),
        "config": {"bioimageio": {}},
    }  # fmt: skip
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description, sort_keys=False))
    logits = np.moveaxis(predicted(folder, image, logits=True), axes.index("c"), -1)
    medians = np.median(logits.reshape(-1, logits.shape[-1]), axis=0)
    module.end.bias.data -= torch.from_numpy(medians).to(torch.float32) / SmallUNet.SCALE
    _weights(folder, module, image.shape, weights, arguments)
    np.save(folder / "output.npy", predicted(folder, image))
    return _packed(folder)


def _tensor(
    name: str, axes: str, channels: int, names: Sequence[str], pixel: Mapping[str, Any] | None
) -> dict[str, Any]:
    channel = {"type": "channel", "channel_names": [*names]}
    if not names:
        channel["channel_names"] = [f"channel{n}" for n in range(channels)]
    stated: list[dict[str, Any]] = []
    for axis in axes:
        size = {"min": 8, "step": 4} if name == "raw" else {"tensor_id": "raw", "axis_id": axis}
        space = {"type": "space", "id": axis, "size": size, **(pixel or {})}
        kinds: dict[str, dict[str, Any]] = {"b": {"type": "batch"}, "c": channel}
        stated.append(kinds.get(axis, space))
    return {"id": name, "axes": stated}


def _weights(
    folder: Path,
    module: nn.Module,
    shape: tuple[int, ...],
    formats: Sequence[str],
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    if "onnx" in formats:
        write_onnx(module, folder / "weights.onnx", shape)
        entries["onnx"] = {"source": "weights.onnx", "opset_version": 17}
    if "torchscript" in formats:
        write_torchscript(module, folder / "weights.pt", shape)
        entries["torchscript"] = {"source": "weights.pt", "pytorch_version": "2.9.0"}
    if "pytorch_state_dict" in formats:
        torch.save(module.state_dict(), folder / "state.pt")
        code = "from tests.support.bioimage_packages import SmallUNet\n"
        (folder / "code.py").write_text(code)
        architecture = {
            "callable": "SmallUNet", "source": "code.py",
            "kwargs": {"axes": len(shape) - 2, **arguments},
        }  # fmt: skip
        entries["pytorch_state_dict"] = {
            "source": "state.pt", "pytorch_version": "2.9.0", "architecture": architecture,
        }  # fmt: skip
    for kind in list(entries)[1:]:
        entries[kind]["parent"] = next(iter(entries))
    return entries


def _packed(folder: Path) -> Path:
    """The package as a zip, which bioimageio.spec checks and writes."""
    from bioimageio.spec import save_bioimageio_package

    target = folder.parent / f"{folder.name}.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_bioimageio_package(folder / "rdf.yaml", output_path=target)
    return target


def predicted(source: Path, image: NDArray[Any], *, logits: bool = False) -> NDArray[Any]:
    """What bioimageio.core makes of an image on the axes of the package's input, as for its test of
    the package: without a margin. `logits`: without postprocessing."""
    from bioimageio.core import create_prediction_pipeline
    from bioimageio.core.digest_spec import create_sample_for_model
    from bioimageio.spec import load_model_description

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load_model_description(source, format_version="latest")
        name = model.inputs[0].id
        pipeline = create_prediction_pipeline(model)
        sample = create_sample_for_model(model, inputs={name: image})
        result = pipeline.predict_sample_without_blocking(
            sample, skip_postprocessing=logits, skip_input_padding=True, skip_output_cropping=True
        )
    (tensor,) = result.members.values()
    return tensor.data.to_numpy()


def unpacked(archive: Path, folder: Path) -> Path:
    """The files of a package in a folder."""
    with ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def changed(folder: Path, **changes: Any) -> Path:
    """The package with another description: `path__to__value=...`, with numbers for lists."""
    path = next(folder.glob("*.yaml"))
    description = yaml.safe_load(path.read_text())
    for name, value in changes.items():
        part: Any = description
        *steps, last = [int(key) if key.isdecimal() else key for key in name.split("__")]
        for key in steps:
            part = part[key]
        part[last] = value
    path.write_text(yaml.safe_dump(description, sort_keys=False))
    return folder


def in_format_0_4(folder: Path, kwargs: Mapping[str, Any]) -> Path:
    """The package of an image with sigmoid, described in format 0.4, with the arguments of its
    zero_mean_unit_variance; its test output is what bioimageio.core predicts."""
    tensor = {"axes": "bcyx", "data_type": "float32"}
    shape = {"reference_tensor": "raw", "scale": [1.0] * 4, "offset": [0.0] * 4}
    normalise = {"name": "zero_mean_unit_variance", "kwargs": dict(kwargs)}
    description = {
        "type": "model", "format_version": "0.4.10", "name": "Small U-Net", "license": "MIT",
        "description": "A small U-Net with random weights.", "timestamp": "2024-01-01T00:00:00",
        "documentation": "README.md", "cite": [{"text": "None", "doi": "10.1234/none"}],
        "authors": [{"name": "A. Author"}],
        "inputs": [tensor | {"name": "raw", "shape": {"min": [1, 1, 8, 8], "step": [0, 0, 4, 4]},
                             "preprocessing": [normalise]}],
        "outputs": [tensor | {"name": "found", "shape": shape, "halo": [0, 0, 2, 2],
                              "postprocessing": [{"name": "sigmoid"}]}],
        "test_inputs": ["input.npy"], "test_outputs": ["output.npy"],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 17}},
    }  # fmt: skip
    np.save(folder / "input.npy", np.load(folder / "input.npy").astype(np.float32))
    (folder / "rdf.yaml").write_text(yaml.safe_dump(description, sort_keys=False))
    np.save(folder / "output.npy", predicted(folder, np.load(folder / "input.npy")))
    return folder
