"""What a MONAI bundle must contain, what is refused by name, and what runs only with --trust."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imaging.errors import BadModel, BadRequest
from models.importers.monai_bundle.config import BundleConfig
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support.monai_bundles import (
    ARGMAX,
    SIGMOID,
    SOFTMAX,
    THRESHOLD,
    UNET,
    configuration,
    invert,
    on_image,
    on_pred,
    save_weights,
    small_network,
    windows,
    write_bundle,
)

SPACING = on_image("Spacingd", pixdim=[2, 2, 2], mode="bilinear")


def imported(bundle: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")
    return import_model(bundle, options, registry.add, lambda _text: None)


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """`bundle(**parts)`: a bundle with weights; see `configuration`."""

    def write(change: Callable[[dict[str, Any]], Any] | None = None, **parts: Any) -> Path:
        content = configuration(**parts)
        if change is not None:
            change(content)
        folder = write_bundle(tmp_path / "Small_bundle", content)
        save_weights(small_network(), folder)
        return folder

    return write


def test_the_card_states_what_the_bundle_does(bundle: Any, tmp_path: Path) -> None:
    source = bundle(before=[on_image("Orientationd", axcodes="LPS"), SPACING], after=[
        SOFTMAX, invert(), ARGMAX, on_pred("KeepLargestConnectedComponentd", applied_labels=[2])],
        inferer=windows(overlap=0.7, mode="gaussian", cval=-1))  # fmt: skip
    (source / "LICENSE").write_text("Apache License\n")
    card = imported(source, tmp_path).card
    assert (card.name, card.version, card.title) == ("small-bundle", "0.1.2", "A small bundle")
    assert card.licence == "Apache-2.0"
    assert [channel.name for channel in card.channels] == ["mr"]
    assert [(label.value, label.name) for label in card.labels] == [(1, "one"), (2, "two")]
    assert (card.orientation, card.results.resample) == ("LPS", "probabilities")
    assert card.windows is not None
    assert (card.windows.patch, card.windows.weights, card.windows.pad_value) == (
        (16, 16, 16), "gaussian", -1,
    )  # fmt: skip
    assert card.windows.step == 1 - 0.7
    assert card.network_spacing_mm == (2, 2, 2)
    assert [step.model_dump() for step in card.postprocessing] == [
        {"step": "largest_component", "labels": (2,)}
    ]
    assert not card.exact
    assert card.parameters == sum(weights.numel() for weights in small_network().parameters())


def test_a_network_on_the_whole_scan_is_exact(bundle: Any, tmp_path: Path) -> None:
    card = imported(bundle(inferer={"_target_": "SimpleInferer"}), tmp_path).card
    assert card.exact
    assert card.align == (2, 2, 2)


def test_a_zip_is_read_without_leaving_its_folder(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        for path in source.rglob("*"):
            archive.write(path, f"small/{path.relative_to(source)}")
        archive.writestr("small/models/../../../../escaped.txt", "x")
    assert imported(tmp_path / "packed.zip", tmp_path).card.name == "packed"
    assert not list(tmp_path.parent.rglob("escaped.txt"))


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "custom transform": (
        {"before": [on_image("scripts.mine.Concat")]},
        r"scripts.mine.Concat \(preprocessing#transforms#2\)",
    ),
    "unknown transform": (
        {"before": [on_image("GaussianSmoothd", sigma=1)]}, "GaussianSmoothd"
    ),
    "argument": (
        {"before": [on_image("Spacingd", pixdim=[1, 1, 1], diagonal=True)]},
        r"Spacingd .* with diagonal = True",
    ),
    "unknown argument": (
        {"before": [on_image("ScaleIntensityd", gamma=2)]},
        r"ScaleIntensityd .* with the argument gamma",
    ),
    "spline": ({"before": [on_image("Spacingd", pixdim=1, mode=3)]}, r"Spacingd .* mode = 3"),
    "late orientation": (
        {"before": [SPACING, on_image("Orientationd", axcodes="RAS")]},
        r"Orientationd .* after a transform that changes the grid",
    ),
    "margin": (
        {"before": [on_image("CropForegroundd", source_key="@image_key", margin=2)]},
        r"CropForegroundd .* with a margin, unless allow_smaller is true",
    ),
    "wrapped pad": (
        {"before": [on_image("SpatialPadd", spatial_size=[32] * 3, mode="wrap")]},
        r"SpatialPadd .* with mode = wrap",
    ),
    "holes of several labels": (
        {"after": [ARGMAX, on_pred("FillHolesd", connectivity=1)]},
        r"FillHolesd .* for several labels",
    ),
    "holes that edges close": (
        {"after": [ARGMAX, on_pred("FillHolesd")]}, r"FillHolesd .* with connectivity = None"
    ),
    "inferer": ({"inferer": windows() | {"_target_": "PatchInferer"}}, "PatchInferer"),
    "roi": ({"inferer": windows([16, 16, -1])}, r"SlidingWindowInferer .* roi_size"),
    "overlaps": ({"inferer": windows(overlap=[0.5, 0.5, 0.2])}, r"SlidingWindow.* overlap"),
    "lazy": ({"change": lambda c: c["preprocessing"].update(lazy=True)}, "Compose .* lazy"),
    "interpolated labels": (
        {"before": [SPACING], "after": [ARGMAX, invert()]},
        r"Invertd .* numbers between those of the labels",
    ),
    "nearest probabilities": (
        {"before": [SPACING], "after": [SOFTMAX, invert(nearest_interp=True), ARGMAX]},
        r"Invertd .* nearest_interp = True",
    ),
    "resized labels": (
        {"before": [on_image("Resized", spatial_size=[16, 16, 16], mode="trilinear")],
         "after": [ARGMAX, invert(nearest_interp=True)]},
        r"Invertd .* nearest_interp = True after Resized",
    ),
    "not inverted": ({"before": [SPACING], "after": [ARGMAX]}, "without Invertd"),
    "another grid": (
        {"before": [SPACING], "after": [
            ARGMAX, on_pred("KeepLargestConnectedComponentd", applied_labels=[1]),
            invert(nearest_interp=True)]},
        r"KeepLargestConnectedComponentd .* before Invertd",
    ),
    "regions": ({"after": [SIGMOID, THRESHOLD]}, "3 regions that may overlap"),
    "no labels": ({"after": [SOFTMAX]}, "makes no labels"),
    "threshold of softmax": ({"after": [SOFTMAX, THRESHOLD]}, r"AsDiscreted .* threshold = 0.5"),
    "function": (
        {"after": [ARGMAX, on_pred("Lambdad", func="$lambda x: x * 2")]},
        r"transforms#1 of the bundle is an expression that only code can evaluate: \$lambda",
    ),
    "network of its own": (
        {"network": {**UNET, "_target_": "scripts.net.Net"}}, "The network scripts.net.Net"
    ),
    "network of another module": (
        {"network": {**UNET, "_target_": "os.system"}}, "The network os.system"
    ),
    "network's argument": (
        {"network": {**UNET, "wings": 2}}, r"UNet \(network_def\) cannot be made .* 'wings'"
    ),
    "loop": ({"change": lambda c: c.update(image_key="@other", other="@image_key")}, "refers to"),
    "missing value": ({"before": [on_image("Spacingd", pixdim="@pixdim")]}, "no value for pixdim"),
    "no inferer": ({"change": lambda c: c.pop("inferer")}, "A bundle without inferer"),
    "key": (
        {"load": [{"_target_": "LoadImaged", "keys": "scan"}], "before": []},
        "whose result is scan",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_cannot_be_mapped_is_refused_by_name(name: str, bundle: Any, tmp_path: Path) -> None:
    parts, text = CHANGES[name]
    with pytest.raises(BadModel, match=text):
        imported(bundle(**parts), tmp_path)


def test_missing_weights_are_named(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    (source / "models" / "model.pt").unlink()
    with pytest.raises(BadModel, match=r"no weights: models/model.pt is missing"):
        imported(source, tmp_path)


def test_other_weights_are_refused(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    save_weights(small_network(channels=[4, 12]), source)
    with pytest.raises(BadModel, match=r"model.pt does not fit the network: size mismatch"):
        imported(source, tmp_path)


def test_weights_with_code_are_refused(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    torch.save(small_network(), source / "models" / "model.pt")
    with pytest.raises(BadModel, match=r"only code can read: monai.* and \d+ more\."):
        imported(source, tmp_path)


def test_a_checkpoint_of_several_parts_is_read(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    content = {"model": small_network().state_dict(), "epoch": 3}
    torch.save(content, source / "models" / "model.pt")
    assert imported(source, tmp_path).card.parameters > 0


@pytest.mark.parametrize("place", ["imports", "device", "pixdim", "network"])
def test_expressions_do_not_run(place: str, bundle: Any, tmp_path: Path) -> None:
    """Those that are needed are refused; --trust runs them."""
    planted = tmp_path / "planted"
    code = f"$[2.0 if open({str(planted)!r}, 'w').close() is None else 1.0] * 3"

    def change(content: dict[str, Any]) -> None:
        if place == "imports":
            content["imports"].append(code)
        elif place == "device":
            content["device"] = code
        elif place == "pixdim":
            content["preprocessing"]["transforms"].append({**SPACING, "pixdim": code})
        else:
            content["network_def"]["channels"] = code.replace("2.0", "4").replace("* 3", "+ [8]")

    source = bundle(change)
    if place in ("imports", "device"):
        imported(source, tmp_path)
    else:
        with pytest.raises(BadModel, match="only code can evaluate") as refusal:
            imported(source, tmp_path)
        assert "--trust" in refusal.value.hint
    assert not planted.exists()
    if place in ("pixdim", "network"):
        card = imported(source, tmp_path, trust=True).card
        assert planted.exists()
        assert card.network_spacing_mm == ((2, 2, 2) if place == "pixdim" else None)


def test_a_network_in_scripts_needs_trust(bundle: Any, tmp_path: Path) -> None:
    source = bundle(network={**UNET, "_target_": "scripts.trusted_net.make"})
    (source / "scripts").mkdir()
    (source / "scripts" / "trusted_net.py").write_text(
        "from monai.networks.nets import UNet\n\ndef make(**arguments):\n"
        "    return UNet(**arguments)\n"
    )
    with pytest.raises(BadModel, match="--trust"):
        imported(source, tmp_path)
    assert imported(source, tmp_path, trust=True).card.parameters > 0


def test_torchscript_needs_trust(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    (source / "models" / "model.pt").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        scripted = torch.jit.trace(small_network().eval(), torch.zeros(1, 1, 16, 16, 16))
        torch.jit.save(scripted, str(source / "models" / "model.ts"))
    with pytest.raises(BadRequest, match=r"model.ts, which contains code"):
        imported(source, tmp_path)
    assert imported(source, tmp_path, trust=True).card.name == "small-bundle"


def test_only_bundles_are_recognised(bundle: Any, tmp_path: Path) -> None:
    source = bundle()
    assert importer_for(source).name == "monai-bundle"
    (source / "configs" / "metadata.json").unlink()
    with pytest.raises(BadRequest):
        importer_for(source)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$[1.5, 1.5] if @deep#fine else [3, 3]", [1.5, 1.5]),
        ("$@root + '/models/' + @deep::names#0", "./models/a"),
        ("$len(@deep#names) * 2 - 1", 3),
        ("$not @deep#fine", False),
        ("%deep#names", ["a", "b"]),
        ("$@deep#names", ["a", "b"]),
    ],
)
def test_expressions_of_values_are_read(text: str, value: Any) -> None:
    content = {"root": ".", "deep": {"fine": True, "names": ["a", "b"]}, "asked": text}
    assert BundleConfig(content).value("asked") == value


@pytest.mark.parametrize(
    "text",
    [
        "$__import__('os')", "$'a' * 10 ** 9", "$@root.upper()", "$[x for x in @root]",
        "$(lambda: 1)()", "$@root[0]", "$1 +", "$" + "(" * 5000, "$torch.load('x')",
        "$torch.from_numpy(@root)", "$torch.hub(@root)", "$@root['x']",
    ],
)  # fmt: skip
def test_all_other_expressions_are_code(text: str) -> None:
    with pytest.raises(BadModel, match="only code can evaluate"):
        BundleConfig({"root": ".", "asked": text}).value("asked")


def test_a_damaged_configuration_is_named(tmp_path: Path) -> None:
    source = write_bundle(tmp_path / "net", configuration())
    (source / "configs" / "inference.json").write_text(json.dumps([1]))
    with pytest.raises(BadModel, match="no mapping"):
        imported(source, tmp_path)
    (source / "configs" / "inference.json").unlink()
    (source / "configs" / "inference.yaml").write_text("a: [")
    with pytest.raises(BadModel, match="not valid YAML"):
        imported(source, tmp_path)
