"""Trains one network as a configuration file says; can be stopped and taken up again."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from numpy.random import Generator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imaging.errors import BadRequest
from models.nets.receptive_field import ReceptiveField, receptive_field
from models.nets.unet import UNet
from models.training.augment import example
from models.training.config import TrainingConfig
from models.training.data import Case, classes, read_cases, split
from models.training.evaluate import dice, predict

Progress = Callable[[dict[str, float]], None]
CHECKPOINT, BEST, HISTORY = "last.pt", "best.pt", "history.jsonl"


def train(
    config_path: Path, out: Path, on_progress: Progress | None = None, *, data: Path = Path()
) -> Path:
    """Trains to the end and gives the checkpoint of the best validation Dice.

    `out` gets last.pt (to resume from), best.pt (to export) and history.jsonl; where last.pt is
    there already, training goes on from it. `data` is the folder that the configuration's paths
    are relative to. Raises BadRequest for a configuration or data that cannot serve.
    """
    config = TrainingConfig.load(config_path)
    torch.manual_seed(config.seed)
    if config.optimisation.threads:
        torch.set_num_threads(config.optimisation.threads)
    cases = read_cases(config.data, data, config.card)
    out.mkdir(parents=True, exist_ok=True)
    run = Run(config, *split(cases, config.data.validation, config.seed), out)
    if config.optimisation.start:
        run.begin(data / config.optimisation.start)
    run.resume()
    while run.step < config.optimisation.steps:
        report = run.one_step()
        if run.step % config.optimisation.evaluate_every == 0 or run.done:
            report |= run.evaluate()
        if on_progress:
            on_progress(report)
    return out / BEST


class Run:
    """A training under way: network, optimiser, and where it stands."""

    def __init__(
        self, config: TrainingConfig, training: list[Case], validation: list[Case], out: Path
    ) -> None:
        settings = config.optimisation
        self.config, self.training, self.validation, self.out = config, training, validation, out
        self.field: ReceptiveField = receptive_field(config.network.unet())
        self.network = UNet(config.network.unet())
        moving = get_ema_multi_avg_fn(settings.averaging)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=moving, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.2
        )
        self.loss = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False)
        weight = [_weight(case, config.data.colour_weight) for case in training]
        self.odds = np.array(weight) / np.sum(weight)
        self.step, self.best, self.started = 0, 0.0, time.monotonic()

    @property
    def done(self) -> bool:
        """Whether the last step has been taken."""
        return self.step >= self.config.optimisation.steps

    def one_step(self) -> dict[str, float]:
        """Learns from one batch, drawn by seed and step alone: a resumed run goes on alike."""
        random = np.random.default_rng((self.config.seed, self.step))
        torch.manual_seed(self.config.seed + self.step)
        image, label = self._batch(random)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.optimisation.bf16):
            logits = self.network(image)
        loss = self.loss(logits.float(), label)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {"step": self.step, "loss": float(loss.detach()), "seconds": self._seconds()}

    def evaluate(self) -> dict[str, float]:
        """Dice of each class over the validation cases; keeps checkpoints and the best."""
        network = self.average.module.eval()
        scores = [_scores(network, self.field, self.config, case) for case in self.validation]
        figures = {name: float(np.mean([s[name] for s in scores])) for name in scores[0]}
        better = figures["dice"] > self.best
        self.best = max(self.best, figures["dice"])
        self._save(CHECKPOINT, self._state())
        if better:
            self._save(BEST, self._shipped(figures))
        with (self.out / HISTORY).open("a") as file:
            file.write(
                json.dumps({"step": self.step, "seconds": self._seconds(), **figures}) + "\n"
            )
        return figures

    def begin(self, checkpoint: Path) -> None:
        """Takes the weights of another training's best.pt; BadRequest where they do not fit."""
        try:
            weights = torch.load(checkpoint, weights_only=True)["weights"]
            self.network.load_state_dict(weights)
            self.average.module.load_state_dict(weights)
        except (KeyError, OSError, RuntimeError, UnpicklingError) as error:
            raise BadRequest(
                "The weights to begin from cannot be taken.",
                expected="The best.pt of a training of the same network.",
                todo="Mend `start` in the configuration, or leave it out.",
            ) from error

    def resume(self) -> None:
        """Takes up where last.pt stands, if it is there."""
        if not (self.out / CHECKPOINT).exists():
            return
        state = torch.load(self.out / CHECKPOINT, weights_only=True)
        for name in ("network", "average", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.best = state["step"], state["best"]

    def _batch(self, random: Generator) -> tuple[Tensor, Tensor]:
        settings, halo = self.config.optimisation, self.field.halo
        if self.field.padding == "same":
            halo = 0
        picked = random.choice(len(self.training), settings.batch, p=self.odds)
        pairs = [
            example(self.training[i], settings.output, halo, self.config.augmentation, random)
            for i in picked
        ]
        labels = np.stack([label.numpy().astype(np.int32) for _, label in pairs])
        if self.config.data.target == "instances":
            labels = np.stack([classes(label) for label in labels])
        images = torch.stack([image for image, _ in pairs])
        target = torch.from_numpy(labels.astype(np.int64))[:, None]
        return images.contiguous(memory_format=_layout(self.config)), target

    def _state(self) -> dict[str, Any]:
        names = ("network", "average", "optimiser", "schedule")
        parts = {name: getattr(self, name).state_dict() for name in names}
        return parts | {"step": self.step, "best": self.best}

    def _shipped(self, figures: dict[str, float]) -> dict[str, Any]:
        return {
            "unet": asdict(self.config.network.unet()),
            "weights": self.average.module.state_dict(),
            "card": self.config.card.model_dump(mode="json"),
            "figures": figures | {"steps": self.step},
        }

    def _save(self, name: str, state: dict[str, Any]) -> None:
        """Whole or not at all."""
        part = self.out / f"{name}.part"
        torch.save(state, part)
        part.replace(self.out / name)

    def _seconds(self) -> float:
        return round(time.monotonic() - self.started, 1)


def _layout(config: TrainingConfig) -> torch.memory_format:
    """Channels last, in which the processor's bf16 convolutions are quickest."""
    return torch.channels_last_3d if config.network.dimension == 3 else torch.channels_last


def _weight(case: Case, colour: float) -> float:
    grey = all(np.array_equal(case.image[0], other) for other in case.image[1:])
    return 1.0 if grey else colour


def _scores(
    network: nn.Module, field: ReceptiveField, config: TrainingConfig, case: Case
) -> dict[str, float]:
    """Dice of each label, of all of them as one, and `dice`, by which the best is picked."""
    mask = predict(network, field, case.image).argmax(0)
    if config.data.target == "instances":
        return {"dice": dice(mask > 0, case.label > 0)}
    values = [label.value for label in config.card.labels]
    found = {f"dice_{v}": dice(mask == v, case.label == v) for v in values}
    return found | {
        "dice": float(np.mean(list(found.values()))),
        "dice_all": dice(mask > 0, case.label > 0),
    }
