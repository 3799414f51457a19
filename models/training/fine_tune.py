"""Continues the training of an installed model on a data set of judged masks.

The held-out cases are used once, at the end: no checkpoint is chosen on them. The training has a
fixed number of steps, and its result is the moving average of the weights.
"""

import json
import shutil
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from imaging.errors import BadModel, BadRequest
from imaging.formats.atomic import raising_storage_full, replacing
from imaging.hashes import sha256_of
from models.card import ModelCard
from models.card_parts import Parent, Training
from models.data_set.manifest import MANIFEST, Manifest
from models.export import export_network
from models.nets.onnx_file import weights_of
from models.nets.receptive_field import receptive_field
from models.nets.unet import UNet
from models.training.checkpoint import fill
from models.training.config import TrainingConfig
from models.training.data import Case
from models.training.derived_config import derived_config
from models.training.examples import Windows
from models.training.fine_tuned_card import facts_of, next_version
from models.training.fine_tuning import (
    FineTuned,
    FineTuneOptions,
    FineTuneProgress,
    Phase,
    Progress,
)
from models.training.measured import measure
from models.training.parent_network import ParentNetwork, read_parent
from models.training.prepared_cases import prepared_cases
from models.training.provenance import provenance, published_config
from models.training.run import Run

__all__ = ["FineTuneOptions", "FineTuneProgress", "FineTuned", "Phase", "Progress", "fine_tune"]

MODEL, RESULTS = "model", "held-out.json"
_SAVE_S = 30.0
"""A killed training loses the steps of this time at most, in seconds."""
_SMOOTHED = 20
"""Steps whose mean loss is reported."""


def fine_tune(
    parent: Path,
    data: Path,
    out: Path,
    options: FineTuneOptions | None = None,
    on_progress: Progress = lambda _progress: None,
) -> FineTuned:
    """Trains the network of the folder `parent` further on the data set in `data`.

    `parent`: a folder with model.onnx and card.json, of a network that Tessera trained, or the
    output folder of a training. `data`: what `tessera dataset export` wrote. `out`: receives the
    state of the training and, at the end, the folder `model`, and held-out.json with the figures of
    each held-out case. The process may be killed at any time: the next call with the same arguments
    continues, and gives the same weights.

    Nothing is published: the caller adds `FineTuned.folder` to the registry. `on_progress` is
    called often, and ends the fine-tuning by raising. Raises BadRequest where the model cannot be
    fine-tuned or the data set does not fit it, StorageFull where `out` is full.
    """
    options = options or FineTuneOptions()
    manifest = Manifest.load(data)
    with raising_storage_full():
        out.mkdir(parents=True, exist_ok=True)
        before = read_parent(parent, out / "parent")
        _check_fits(before.card, manifest)
        manifest.check_files(data)
        job = _FineTuning(before, manifest, data, out, options, on_progress)
        return job.run()


class _FineTuning:
    """One fine-tuning, phase by phase."""

    def __init__(
        self,
        parent: ParentNetwork,
        manifest: Manifest,
        data: Path,
        out: Path,
        options: FineTuneOptions,
        on_progress: Progress,
    ) -> None:
        self.parent, self.manifest, self.data, self.out = parent, manifest, data, out
        self.on_progress = on_progress
        self.manifest_sha256 = sha256_of(data / MANIFEST)
        self.version = options.version or next_version(parent.card.version)
        self.config = _config(parent, self.version, manifest, options)
        self.field = receptive_field(self.config.network.unet())

    def run(self) -> FineTuned:
        """All phases."""
        torch.manual_seed(self.config.seed)
        torch.backends.cudnn.deterministic = True
        if self.config.optimisation.threads:
            torch.set_num_threads(self.config.optimisation.threads)
        training, held_out = self._read()
        network = self._train(training, held_out)
        before, after = self._evaluate(network, held_out)
        card = self._export(network, before, after)
        self._verify(network, card)
        folder = self.out / MODEL
        return FineTuned(folder, card.name, card.version, len(held_out), before, after)

    def _read(self) -> tuple[list[Case], list[Case]]:
        """The cases of both sides, on the network's grid."""
        sides = self.manifest.of_side("training"), self.manifest.of_side("held-out")
        cases = [*sides[0], *sides[1]]
        folder = self.out / "cases" / f"{self.manifest_sha256[:12]}-{self.parent.card.sha256[:12]}"
        shown = _Counted(self.on_progress, Phase.READING, len(cases))
        prepared = prepared_cases(cases, self.data, folder, self.config, shown)
        return prepared[: len(sides[0])], prepared[len(sides[0]) :]

    def _train(self, training: Sequence[Case], held_out: Sequence[Case]) -> UNet:
        """The network after all steps: the moving average of the weights."""
        halo = self.field.halo if self.field.padding == "valid" else 0
        examples = Windows(self.config, training, held_out, halo)
        origin = f"{self.manifest_sha256} {self.parent.card.sha256}"
        run = Run(self.config, self.field, examples, self.out, origin)
        if not run.resume():
            run.begin([self.parent.network.state_dict()])
        total, saved = self.config.optimisation.steps, time.monotonic()
        losses: deque[float] = deque(maxlen=_SMOOTHED)
        shown = _Counted(self.on_progress, Phase.TRAINING, total, run.step)
        shown(run.step)
        while not run.done:
            losses.append(run.one_step()["loss"])
            if run.done or time.monotonic() - saved > _SAVE_S:
                run.save()
                saved = time.monotonic()
            shown(run.step, float(np.mean(losses)))
        return cast("UNet", run.average.module.eval())

    def _evaluate(
        self, network: UNet, held_out: Sequence[Case]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """The mean figures of the parent and of the new network on the same cases."""
        shown = _Counted(self.on_progress, Phase.EVALUATING, 2 * len(held_out))
        parent = self.parent.network.to(next(network.parameters()).device)
        each = partial(measure, field=self.field, config=self.config, cases=held_out)
        with_scratch = partial(each, scratch=self.out)
        before = with_scratch(parent, on_case=shown)
        after = with_scratch(network, on_case=lambda done: shown(len(held_out) + done))
        rows = [
            {"case": case.name, "before": old, "after": new}
            for case, old, new in zip(held_out, before, after, strict=True)
        ]
        with replacing(self.out / RESULTS) as file:
            file.write(json.dumps(rows, indent=2).encode() + b"\n")
        return _mean(before), _mean(after)

    def _export(
        self, network: UNet, before: Mapping[str, float], after: Mapping[str, float]
    ) -> ModelCard:
        """Writes the folder of the model, completely or not at all."""
        self.on_progress(FineTuneProgress(Phase.EXPORTING, 0, 1))
        draft = self.out / f".{MODEL}"
        shutil.rmtree(draft, ignore_errors=True)
        origin = provenance(self.config, self.data)
        card = export_network(
            network.cpu(),
            facts_of(self.parent.card, self.config.card, self.manifest),
            draft,
            {**after, "steps": float(self.config.optimisation.steps)},
            Training(config=published_config(self.config), **origin),
            self._origin(before),
        )
        for name in card.sample.files if card.sample else ():
            shutil.copyfile(self.parent.folder / name, draft / name)
        shutil.rmtree(self.out / MODEL, ignore_errors=True)
        draft.replace(self.out / MODEL)
        self.on_progress(FineTuneProgress(Phase.EXPORTING, 1, 1))
        return card

    def _origin(self, before: Mapping[str, float]) -> Parent:
        card, manifest = self.parent.card, self.manifest
        return Parent(
            name=card.name,
            version=card.version,
            sha256=card.sha256,
            manifest_sha256=self.manifest_sha256,
            training_cases=len(manifest.of_side("training")),
            training_subjects=manifest.subjects("training"),
            held_out_cases=len(manifest.of_side("held-out")),
            held_out_subjects=manifest.subjects("held-out"),
            figures={name: round(value, 4) for name, value in before.items()},
        )

    def _verify(self, network: UNet, card: ModelCard) -> None:
        """Reads the written model again; raises BadModel where it is another network."""
        self.on_progress(FineTuneProgress(Phase.VERIFYING, 0, 1))
        folder = self.out / MODEL
        stored = ModelCard.load(folder / "card.json")
        weights = weights_of(folder / "model.onnx")
        same = stored == card and sha256_of(folder / "model.onnx") == card.sha256
        if not same or not _equal(weights, network):
            raise BadModel(
                "The files of the fine-tuned model differ from what was written.",
                expected="The weights and the card of the training.",
                hint="Check the disk, and repeat the command: it continues.",
            )
        self.on_progress(FineTuneProgress(Phase.VERIFYING, 1, 1))


class _Counted:
    """Reports the progress of one phase, with an estimate of its end."""

    def __init__(self, report: Progress, phase: Phase, total: int, first: int = 0) -> None:
        self._report, self._phase, self._total = report, phase, total
        self._first, self._started = first, time.monotonic()

    def __call__(self, done: int, loss: float | None = None) -> None:
        seconds, here = time.monotonic() - self._started, done - self._first
        left = seconds / here * (self._total - done) if here > 0 else None
        self._report(FineTuneProgress(self._phase, done, self._total, loss, left))


def _config(
    parent: ParentNetwork, version: str, manifest: Manifest, options: FineTuneOptions
) -> TrainingConfig:
    held_out = [case.name for case in manifest.of_side("held-out")]
    chosen = {
        "seed": options.seed,
        "steps": options.steps,
        "learning_rate": options.learning_rate,
        "threads": options.threads,
        "device": options.device,
    }
    return derived_config(parent, version, held_out, chosen)


def _check_fits(card: ModelCard, manifest: Manifest) -> None:
    """Raises BadRequest for a data set with other labels, channels or dimension than the model."""
    labels = [(label.value, label.name) for label in card.labels]
    channels = tuple(channel.name for channel in card.channels)
    different = [
        what
        for what, one, other in (
            ("labels", labels, [(label.value, label.name) for label in manifest.labels]),
            ("channels", channels, manifest.channels),
            ("dimension", card.dimension, manifest.dimension),
            ("kind of mask", card.instances is not None, manifest.instances),
        )
        if one != other
    ]
    if different:
        raise BadRequest(
            f"The data set does not fit {card.full_name}: other {', '.join(different)}.",
            expected="Masks of this model, or of one with the same labels and channels.",
            hint=f"Export the masks of the model: tessera dataset export {card.name} -o FOLDER",
        )


def _mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in each])) for name in each[0]}


def _equal(weights: Mapping[str, Tensor], network: UNet) -> bool:
    stored = UNet(network.config)
    fill(stored, dict(weights))
    pairs = zip(stored.state_dict().items(), network.state_dict().values(), strict=True)
    return all(
        torch.equal(one, other.cpu())
        for (name, one), other in pairs
        if not name.endswith("num_batches_tracked")
    )
