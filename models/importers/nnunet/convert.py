"""Converts an nnU-Net results folder into model.onnx and the fields of its card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from imaging.errors import BadRequest
from models.importers.importer import ImportedModel, Report
from models.importers.json_file import read_json
from models.importers.nnunet.card import Training, card_of, check_supported
from models.importers.nnunet.checkpoint import Checkpoint, read_checkpoint
from models.importers.nnunet.dataset import channels_of, labels_of
from models.importers.nnunet.figures import figures_of
from models.importers.nnunet.network import build_network, load_weights
from models.importers.nnunet.options import NnunetOptions
from models.importers.nnunet.plans import parse_plans
from models.importers.nnunet.refusals import damaged
from models.importers.nnunet.source_files import SourceFiles, model_folders, source_files, within
from models.importers.nnunet.trainers import check_trainer, uses_batch_norm
from models.importers.torch_export import export_to_onnx
from models.onnx_graph.derive import derive
from models.onnx_graph.network_file import read_network
from models.registry import network_file


@dataclass(frozen=True, slots=True)
class _Model:
    """The files of one trained network in the source."""

    files: SourceFiles
    names: Mapping[str, str]

    def path(self, name: str) -> Path:
        return self.files.path(self.names[name])

    def json(self, name: str) -> Any:
        return read_json(self.path(name))


def convert(source: Path, options: NnunetOptions, draft: Path, report: Report) -> ImportedModel:
    """Writes draft/model.onnx and returns its card; raises BadModel and BadRequest."""
    with TemporaryDirectory(prefix="tessera-nnunet-") as folder:
        model = _chosen(source_files(source, Path(folder)), options)
        folds = _folds(model, options)
        first = _checkpoint(model, folds[0], options)
        if options.configuration not in (None, first.configuration):
            raise _no_configuration(options.configuration, [first.configuration])
        training = _training(model, first, options)
        check_supported(training)
        for number, fold in enumerate(folds):
            checkpoint = _checkpoint(model, fold, options) if number else first
            report(f"Exporting fold {fold} ...")
            _export(training, checkpoint, options, draft / network_file(number))
        facts = derive(read_network(draft / network_file(0)))
        mirrored = () if options.no_mirroring else first.mirror_axes
        card = card_of(training, facts, mirrored, options.orientation)
        card |= figures_of(model.json, model.names, folds)
        return ImportedModel(card, _assumptions(options))


def _chosen(files: SourceFiles, options: NnunetOptions) -> _Model:
    """The one trained network in the source that the options name."""
    names, wanted = files.names(), options.configuration
    folders = model_folders(names)
    stated = {folder: folder.rpartition("__")[2] for folder in folders}
    if wanted is not None and len(folders) > 1:
        folders = [folder for folder in folders if stated[folder] == wanted]
    if not folders:
        raise _no_configuration(wanted, stated.values())
    if len(folders) > 1:
        raise BadRequest(
            f"The source contains {len(folders)} trained networks: {', '.join(folders)}.",
            expected="One network.",
            hint="Give the folder of one of them, or the folder of its data set and its "
            "configuration with --configuration.",
        )
    return _Model(files, within(folders[0], names))


def _no_configuration(wanted: str | None, present: Iterable[str]) -> BadRequest:
    return BadRequest(
        f"The source has no network of the configuration {wanted}.",
        expected=f"One of its configurations: {', '.join(sorted(set(present)))}.",
        hint="Choose another one with --configuration, or another source.",
    )


def _folds(model: _Model, options: NnunetOptions) -> list[str]:
    """The names of the folds to import."""
    ending = f"/checkpoint_{options.checkpoint}.pth"
    present = [name.split("/")[0].removeprefix("fold_") for name in model.names if
               name.endswith(ending)]  # fmt: skip
    numbered = sorted(fold for fold in present if fold != "all")
    wanted = list(options.folds) or numbered or present
    if not wanted or not set(wanted) <= set(present):
        raise BadRequest(
            f"The source has no checkpoint_{options.checkpoint}.pth for the fold "
            f"{', '.join(fold for fold in wanted if fold not in present) or 'all'}.",
            expected=f"Folds that have one: {', '.join(present) or 'none'}.",
            hint="Choose with --folds and --checkpoint.",
        )
    return wanted


def _checkpoint(model: _Model, fold: str, options: NnunetOptions) -> Checkpoint:
    name = f"fold_{fold}/checkpoint_{options.checkpoint}.pth"
    checkpoint = read_checkpoint(model.path(name), name)
    check_trainer(options.trainer or checkpoint.trainer)
    return checkpoint


def _training(model: _Model, checkpoint: Checkpoint, options: NnunetOptions) -> Training:
    plans, dataset = parse_plans(model.json("plans.json")), model.json("dataset.json")
    if not isinstance(dataset, Mapping):
        raise damaged("dataset.json is no object.")
    rgb = None if options.rgb is None else options.rgb == "yes"
    return Training(
        plans,
        plans.configuration(checkpoint.configuration),
        checkpoint.configuration,
        channels_of(dataset, images=plans.images, rgb=rgb),
        labels_of(dataset),
        options.first_model,
    )


def _export(training: Training, checkpoint: Checkpoint, options: NnunetOptions, path: Path) -> None:
    configuration, channels = training.configuration, training.inputs
    network = build_network(
        configuration.architecture, configuration.axes, channels, len(training.labels.outputs),
        batch_norm=uses_batch_norm(options.trainer or checkpoint.trainer),
    )  # fmt: skip
    load_weights(network, checkpoint.weights, checkpoint.name)
    export_to_onnx(network, path, channels, configuration.patch_size)


def _assumptions(options: NnunetOptions) -> tuple[str, ...]:
    if options.trainer is None:
        return ()
    return (f"the trainer prepares scans and builds its network as {options.trainer} does.",)
