"""Converts a bundle into model.onnx and the fields of its card."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from imaging.errors import BadModel, BadRequest
from models.importers.importer import ImportedModel, Report
from models.importers.monai_bundle.card import Pipeline, card_fields
from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.config import BundleConfig
from models.importers.monai_bundle.inferer import inferer_facts
from models.importers.monai_bundle.metadata import formats, has_label_names, text_fields
from models.importers.monai_bundle.network import (
    ChosenOutputs,
    build_network,
    load_torchscript,
    load_weights,
    read_arrays,
)
from models.importers.monai_bundle.options import MonaiOptions
from models.importers.monai_bundle.postprocessing.transforms import read_postprocessing
from models.importers.monai_bundle.preprocessing.transforms import read_preprocessing
from models.importers.monai_bundle.refusals import damaged, unsupported
from models.importers.monai_bundle.source_files import BundleFiles, bundle_files
from models.importers.monai_bundle.trusted import TrustedBundle
from models.importers.torch_export import export_to_onnx
from models.onnx_graph.derive import derive, without_tiling
from models.onnx_graph.facts import GraphFacts
from models.onnx_graph.network_file import read_network

_WEIGHTS = "models/model.pt"
_TORCHSCRIPT = "models/model.ts"


@dataclass(frozen=True, slots=True)
class _Bundle:
    files: BundleFiles
    metadata: dict[str, Any]
    config: BundleConfig
    trusted: TrustedBundle | None

    @classmethod
    def open(cls, files: BundleFiles, *, trust: bool) -> "_Bundle":
        trusted = TrustedBundle(files) if trust else None
        content = {**files.inference(), "bundle_root": "."}
        evaluate = trusted.evaluate if trusted else None
        config = BundleConfig(content, evaluate, lambda path: read_arrays(files, path))
        return cls(files, files.metadata(), config, trusted)


def convert(source: Path, options: MonaiOptions, draft: Path, report: Report) -> ImportedModel:
    """Writes draft/model.onnx and returns its card; raises BadModel and BadRequest."""
    with TemporaryDirectory(prefix="tessera-monai-") as folder:
        bundle = _Bundle.open(bundle_files(source, Path(folder)), trust=options.trust)
        _check_parts(bundle.config)
        pipeline = _pipeline(bundle)
        network = _network(bundle, options)
        if pipeline.chosen_outputs is not None:
            network = ChosenOutputs(network, pipeline.chosen_outputs)
        size = pipeline.inferer.patch or _size(pipeline, bundle)
        parameters = sum(weights.numel() for weights in network.parameters())
        report(f"Exporting {parameters:,} weights ...")
        export_to_onnx(network.eval(), draft / "model.onnx", pipeline.before.channels, size)
        texts = text_fields(bundle.metadata, bundle.files.root, source.resolve().stem)
        card = texts | card_fields(pipeline, bundle.metadata, _facts(draft / "model.onnx"))
        return ImportedModel(card | {"parameters": parameters}, _assumptions(bundle, pipeline))


def _check_parts(config: BundleConfig) -> None:
    for item_id in ("network_def", "preprocessing", "inferer", "postprocessing"):
        if not config.has(item_id):
            raise unsupported(
                f"A bundle without {item_id}",
                "network_def, preprocessing, inferer and postprocessing in the configuration of "
                "the inference.",
            )


def _pipeline(bundle: _Bundle) -> Pipeline:
    config = bundle.config
    network = Component(config, config.component_id("network_def"))
    channels, outputs = _ends(bundle, network)
    inferer = Component(config, config.component_id("inferer"))
    facts = inferer_facts(inferer, _axes(bundle, network))
    before = read_preprocessing(config, facts, channels)
    return Pipeline(facts, before, read_postprocessing(config, before, outputs))


def _ends(bundle: _Bundle, network: Component) -> tuple[int, int]:
    """Input and output channels, as the configuration or else the metadata states them."""
    ends = (
        ("in_channels", "inputs"),
        ("out_channels", "outputs"),
    )
    values = []
    for argument, end in ends:
        stated = formats(bundle.metadata, end).get("num_channels")
        value = network.take(argument, stated)
        if not isinstance(value, int) or value < 1:
            raise damaged(f"Neither the network nor the metadata states its {argument}.")
        values.append(value)
    return values[0], values[1]


def _axes(bundle: _Bundle, network: Component) -> int:
    """Spatial axes of the network."""
    shape = formats(bundle.metadata, "inputs").get("spatial_shape")
    axes = network.take("spatial_dims", len(shape) if isinstance(shape, list) else 3)
    if axes not in (2, 3):
        raise network.refusal(f"with spatial_dims = {axes}")
    return int(axes)


def _network(bundle: _Bundle, options: MonaiOptions) -> nn.Module:
    stated, keys = _checkpoint(bundle.config)
    path = bundle.files.weights(stated)
    script = path if path and path.suffix == ".ts" else bundle.files.weights(_TORCHSCRIPT)
    if script is not None and path in (None, script):
        return _scripted(script, trust=options.trust)
    network = _built(bundle)
    if path is None:
        raise damaged(f"The bundle has no weights: {stated} is missing.")
    load_weights(network, path, keys)
    return network


def _scripted(path: Path, *, trust: bool) -> nn.Module:
    if not trust:
        raise BadRequest(
            f"The bundle's network is a TorchScript file, {path.name}, which contains code.",
            expected=f"Weights in {_WEIGHTS}.",
            hint="If you trust the bundle as you trust a program, import it again with --trust.",
        )
    return load_torchscript(path)


def _built(bundle: _Bundle) -> nn.Module:
    item_id = bundle.config.component_id("network_def")
    try:
        return build_network(bundle.config, item_id)
    except BadModel:
        if bundle.trusted is None:
            raise
    network = bundle.trusted.evaluate(item_id)
    if not isinstance(network, nn.Module):
        raise damaged(f"{item_id} of the bundle is no network.")
    return network


def _checkpoint(config: BundleConfig) -> tuple[str, tuple[str, ...]]:
    """The path of the weights in the bundle, and the key under which they may be in the file."""
    for item_id in config.components():
        component = Component(config, item_id)
        if component.name == "CheckpointLoader" and component.is_of_monai:
            path = PurePosixPath(str(component.take("load_path")))
            return str(path), tuple(config.raw(f"{item_id}#load_dict"))
    return _WEIGHTS, ("model",)


def _size(pipeline: Pipeline, bundle: _Bundle) -> tuple[int, ...]:
    """A legal size of a network that runs on the whole scan: as resized, or from the metadata."""
    sizes = [step["size"] for step in pipeline.before.preparation if step["step"] == "resize"]
    stated = sizes[-1] if sizes else formats(bundle.metadata, "inputs").get("spatial_shape")
    if isinstance(stated, list) and all(isinstance(n, int) and n > 0 for n in stated):
        return tuple(stated)
    return (128, 128) if pipeline.before.axes == 2 else (64, 64, 64)


def _facts(path: Path) -> GraphFacts:
    network = read_network(path)
    try:
        return derive(network)
    except BadModel as error:
        return without_tiling(network, error.detail)


def _assumptions(bundle: _Bundle, pipeline: Pipeline) -> tuple[str, ...]:
    assumed = list(pipeline.after.assumptions)
    if not has_label_names(bundle.metadata, pipeline.after.outputs):
        assumed.append("labels have no names, because configs/metadata.json states none.")
    return tuple(assumed)
