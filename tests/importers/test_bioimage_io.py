"""A model of BioImage.IO gives in Tessera the mask that bioimageio.core's output means."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import nibabel
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import BadModel, BadRequest
from inference.engine import Engine
from inference.networks.reach_probe import proved
from inference.options import RunOptions
from inference.verify import verify
from models.completed_card import completed
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support import bioimage_packages as packages
from tests.support.bioimage_packages import step

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

FLOAT = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
SIGMOID, SOFTMAX = {"id": "sigmoid"}, {"id": "softmax"}
ALL = ["channel", "y", "x"]


@dataclass(frozen=True)
class Case:
    package: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: Any = None
    """Labels of an output (n, *axes) of bioimageio.core; None: above 0.5 is label 1."""


CASES = {
    "an image": Case(
        {"before": [step("zero_mean_unit_variance", axes=ALL), FLOAT], "after": [SIGMOID]},
        {"labels": "cell"},
    ),
    "a volume": Case(
        {
            "axes": "bczyx",
            "network": {"outputs": 3},
            "names": (["nuclei"], ["background", "inside", "border"]),
            "pixel": {"unit": "micrometer", "scale": 0.5},
            "before": [
                step("scale_range", axes=["z", "y", "x"], min_percentile=5, max_percentile=90),
                step("clip", min=0, max=1),
                FLOAT,
            ],
            "after": [SOFTMAX],
        },
        labels=lambda output: output[0].argmax(axis=0),
    ),
    "RGB with the channels last": Case(
        {
            "axes": "byxc",
            "network": {"channels": 3, "outputs": 2},
            "names": (["red", "green", "blue"], ["gland", "lumen"]),
            "before": [step("fixed_zero_mean_unit_variance", mean=128.0, std=64.0), FLOAT],
            "after": [SIGMOID, step("binarize", threshold=[0.45, 0.55], axis="channel"), FLOAT],
        },
        labels=lambda output: np.where(output[0, ..., 1], 2, output[0, ..., 0]),
    ),
    "TorchScript, columns before rows": Case(
        {
            "axes": "bcxy",
            "weights": ["torchscript"],
            "before": [step("scale_linear", gain=-1 / 64, offset=1.5), FLOAT],
            "after": [step("binarize", threshold=0.25), FLOAT],
        },
        {"labels": "cell", "trust": True},
        labels=lambda output: output[0, 0].T,
    ),
    "a state dict and its code, measured together": Case(
        {
            "network": {"channels": 2},
            "names": (["dapi", "actin"], ["cell"]),
            "weights": ["pytorch_state_dict"],
            "before": [step("zero_mean_unit_variance"), FLOAT],
        },
        {"trust": True},
        labels=lambda output: output[0, 0] > 0,
    ),
}


def imported(source: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")

    def add(draft: Path) -> Model:
        with TemporaryDirectory(dir=folder) as complete:
            completed(draft, Path(complete), proved)
            return registry.add(Path(complete), verify)

    return import_model(source, options, add, lambda _text: None)


def segmented(model: Model, image: NDArray[Any], folder: Path) -> NDArray[Any]:
    """The mask of an image (channels, *space) that is stored as such images are."""
    names = [channel.name for channel in model.card.channels]
    arrays = [np.moveaxis(image, 0, -1)] if len(names) < len(image) else [*image]
    scans = {}
    for name, array in zip(names, arrays, strict=True):
        scans[name] = folder / f"{name}.tif"
        tifffile.imwrite(scans[name], array, **_stored_as(array))
    engine = Engine(Registry(folder / "added", zoo=folder / "none"), "cpu")
    result = engine.segment(scans, model.card.name, folder / "out", RunOptions(precision="fp32"))
    if result.mask.suffix == ".png":
        return np.asarray(Image.open(result.mask))
    return np.asarray(nibabel.load(result.mask).dataobj)


def _stored_as(array: NDArray[Any]) -> dict[str, Any]:
    """An image, or a stack of voxels of half a micrometre, as its package states them."""
    if array.ndim == 2:
        return {}
    if array.shape[-1] == 3:
        return {"photometric": "rgb"}
    metadata = {"axes": "ZYX", "spacing": 0.5, "unit": "um"}
    return {"imagej": True, "metadata": metadata, "resolution": (2, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_mask_is_that_of_bioimageio_core(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    source = packages.package(tmp_path / "package", **case.package)
    assert importer_for(source).name == "bioimage-io"
    model = imported(source, tmp_path, **case.options)
    axes = case.package.get("axes", "bcyx")
    channels = case.package.get("network", {}).get("channels", 1)
    image = packages.example_image(len(axes) - 2, channels, seed=5)
    output = packages.predicted(tmp_path / "package", packages.ordered(image, axes))
    expected = case.labels(output) if case.labels else output[0, 0] > 0.5
    mask = segmented(model, image, tmp_path)
    assert 0.02 < (expected > 0).mean() < 0.98
    assert mask.shape == expected.shape
    assert (mask == expected).mean() >= 0.9995


def converted(source: Path, folder: Path, **options: Any) -> Mapping[str, Any]:
    """The card of an import that is not added."""
    cards: list[dict[str, Any]] = []

    def add(draft: Path) -> Model:
        cards.append(json.loads((draft / "card.json").read_text()))
        return None  # type: ignore[return-value]

    stated = {"labels": "cell", **options}
    given = {name: value for name, value in stated.items() if value is not None}
    import_model(source, given, add, lambda _text: None)
    return cards[0]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of an image."""
    return packages.package(
        tmp_path_factory.mktemp("bioimage") / "package", **CASES["an image"].package
    )


@pytest.fixture
def unpacked(archive: Path, tmp_path: Path) -> Path:
    """Its files."""
    return packages.unpacked(archive, tmp_path / "unpacked")


BEFORE = "inputs__0__preprocessing__1"
WRONG = r"Of the package's test input, the imported model makes another output: [\d,]+ of 1,920"
REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "another mean": (
        {BEFORE: step("fixed_zero_mean_unit_variance", mean=80.0, std=25.0)},
        WRONG,
    ),
    "the axes in another order": (
        {
            "inputs__0__axes": [
                {"type": "batch"},
                {"type": "space", "id": "y", "size": {"min": 8, "step": 4}},
                {"type": "space", "id": "x", "size": {"min": 8, "step": 4}},
                {"type": "channel", "channel_names": ["raw"]},
            ]
        },
        "The test tensor of raw has 40 channels, and the description states 1",
    ),
    "another activation": ({"outputs__0__postprocessing": [FLOAT]}, WRONG),
    "a step of its own": (
        {BEFORE: {"id": "custom", "callable": "mine", "source": "mine.py"}},
        "The step custom of the tensor raw cannot be imported",
    ),
    "binarized input": (
        {BEFORE: step("binarize", threshold=0.5)},
        "The step binarize of the tensor raw cannot be imported",
    ),
    "each row by itself": (
        {BEFORE: step("zero_mean_unit_variance", axes=["x"])},
        "The step zero_mean_unit_variance of the tensor raw cannot be imported with axes",
    ),
    "an unknown argument": (
        {BEFORE: step("scale_range", axes=ALL, gamma=2)},
        "The step scale_range .* with the argument gamma",
    ),
    "clipped at percentiles": (
        {BEFORE: step("clip", min_percentile=1.0)},
        "The step clip .* with min_percentile",
    ),
    "whole numbers after normalisation": (
        {"inputs__0__preprocessing__2": step("ensure_dtype", dtype="uint8")},
        "with dtype = uint8, which rounds",
    ),
    "a step after the network": (
        {"outputs__0__postprocessing": [step("zero_mean_unit_variance"), FLOAT]},
        "The step zero_mean_unit_variance of the tensor found cannot be imported",
    ),
    "regions of a softmax": (
        {"outputs__0__postprocessing": [SOFTMAX, step("binarize", threshold=0.5), FLOAT]},
        "The step binarize of the tensor found cannot be imported after softmax",
    ),
    "a time axis": ({"inputs__0__axes__2": {"type": "time", "size": 48}}, "of the kind time"),
    "other weights": ({"weights": {"keras_hdf5": {"source": "a.h5"}}}, "the weights keras_hdf5"),
    "a file at an address": (
        {"weights__onnx": {"source": "https://example.org/weights.onnx"}},
        "not in the package, but at the address https://example.org/weights.onnx",
    ),
    "a test tensor at an address": (
        {"inputs__0__test_tensor": {"source": "http://example.org/a.npy"}},
        "not in the package, but at the address",
    ),
    "a file outside": ({"weights__onnx": {"source": "../weights.onnx"}}, "outside of the package"),
    "another file": ({"weights__onnx__sha256": "0" * 64}, "has another SHA-256"),
    "a missing file": ({"weights__onnx": {"source": "no.onnx"}}, "is not in the package"),
    "an older format": ({"format_version": "0.3.6"}, "has the format 0.3.6"),
    "a data set": ({"type": "dataset"}, "resource of the type dataset"),
    "an allowance beyond the specification": (
        {"config__bioimageio": {"reproducibility_tolerance": [{"relative_tolerance": 0.5}]}},
        "relative_tolerance of rdf.yaml is not valid",
    ),
    "damage": ({"inputs__0__axes": 3}, "inputs.0.axes of rdf.yaml is not valid"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_by_name(
    name: str, unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded to find out."""
    for call in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, call, lambda *_: pytest.fail("connected"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    changes, words = REFUSED[name]
    with pytest.raises(BadModel, match=words):
        converted(packages.changed(unpacked, **changes), tmp_path)


@pytest.mark.slow
def test_the_package_states_how_far_an_output_may_be(unpacked: Path, tmp_path: Path) -> None:
    expected = np.load(unpacked / "output.npy")
    expected[..., :2, :] += 0.04
    np.save(unpacked / "output.npy", expected)
    files = {"outputs__0__test_tensor": {"source": "output.npy"}}
    packages.changed(unpacked, **files)
    with pytest.raises(BadModel, match=r"makes another output: 80 of 1,920 values.*by 0\.04"):
        converted(unpacked, tmp_path)
    rule = {"relative_tolerance": 0, "absolute_tolerance": 0.05, "output_ids": ["found"]}
    packages.changed(unpacked, config__bioimageio={"reproducibility_tolerance": [rule]})
    assert converted(unpacked, tmp_path)["name"] == "small-u-net"
    rule["output_ids"] = ["another"]
    packages.changed(unpacked, config__bioimageio={"reproducibility_tolerance": [rule]})
    with pytest.raises(BadModel, match="makes another output"):
        converted(unpacked, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kwargs",
    [
        {"mode": "per_sample", "axes": "yx", "eps": 0.01},
        {"mode": "fixed", "axes": "yx", "mean": [101.5], "std": [30.0]},
    ],
    ids=lambda kwargs: kwargs["mode"],
)
def test_format_0_4(kwargs: Mapping[str, Any], unpacked: Path, tmp_path: Path) -> None:
    card = converted(packages.in_format_0_4(unpacked, kwargs), tmp_path)
    assert card["licence"] == "MIT"
    assert "a margin of 2 voxels" in card["limits"]
    wrong = {"inputs__0__preprocessing__0__kwargs": {**kwargs, "axes": "y"}}
    with pytest.raises(BadModel):
        converted(packages.changed(unpacked, **wrong), tmp_path)
    wrong = {"inputs__0__preprocessing__0__kwargs": {"mode": "per_dataset", "axes": "yx"}}
    with pytest.raises(BadModel, match="has the mode per_dataset"):
        converted(packages.changed(unpacked, **wrong), tmp_path)


@pytest.mark.slow
def test_what_only_the_author_knows_is_asked_for(unpacked: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"--labels with 1 names.*--labels label1"):
        converted(unpacked, tmp_path, labels=None)
    with pytest.raises(BadRequest, match=r"--activation softmax contradicts .* sigmoid"):
        converted(unpacked, tmp_path, activation="softmax")
    with pytest.raises(BadModel, match="the weights onnx"):
        converted(unpacked, tmp_path, weights="torchscript")
    rows = {f"{end}__0__axes__2__id": "rows" for end in ("inputs", "outputs")}
    joint = {BEFORE: step("zero_mean_unit_variance", axes=["channel", "rows", "x"])}
    packages.changed(unpacked, **rows, **joint)
    with pytest.raises(BadRequest, match="spatial axes rows, x"):
        converted(unpacked, tmp_path)
    assert converted(unpacked, tmp_path, orientation="ij")["orientation"] == "ij"


@pytest.mark.slow
def test_a_network_of_one_size_is_tiled_only_if_it_is_local(unpacked: Path, tmp_path: Path) -> None:
    sizes = {f"inputs__0__axes__{axis}__size": n for axis, n in ((2, 48), (3, 40))}
    assert converted(packages.changed(unpacked, **sizes), tmp_path)["dimension"] == 2
    packages.package(tmp_path / "package", network={"whole": True}, before=[FLOAT])
    with pytest.raises(BadModel, match="runs on images of 48 x 40 voxels alone"):
        converted(packages.changed(tmp_path / "package", **sizes), tmp_path)


@pytest.mark.slow
def test_without_test_tensors_the_card_says_so(unpacked: Path, tmp_path: Path) -> None:
    packages.changed(unpacked, inputs__0__test_tensor=None, outputs__0__test_tensor=None)
    assert "no test tensors to compare with" in converted(unpacked, tmp_path)["limits"]


@pytest.mark.slow
def test_programs_of_torch_need_trust(tmp_path: Path) -> None:
    source = packages.package(tmp_path / "package", weights=["torchscript"], before=[FLOAT])
    with pytest.raises(BadRequest, match=r"weights are torchscript.*--trust"):
        converted(source, tmp_path)


def test_a_zip_is_recognised_by_its_description(tmp_path: Path) -> None:
    for name, expected in (
        ("rdf.yaml", True), ("a/b.bioimageio.yaml", True), ("model.onnx", False),
        ("rdf.yaml.txt", False),
    ):  # fmt: skip
        with ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(name, b"type: model")
        if expected:
            assert importer_for(tmp_path / "a.zip").name == "bioimage-io"
        else:
            with pytest.raises(BadRequest):
                importer_for(tmp_path / "a.zip")
