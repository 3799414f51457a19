"""A training under way: network, optimiser, and where they stand."""

import time
from collections.abc import Sequence
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imaging.errors import BadRequest
from models.nets.receptive_field import ReceptiveField
from models.nets.unet import UNet
from models.training import checkpoint
from models.training.config import TrainingConfig
from models.training.evaluate import scores, worth
from models.training.examples import Examples
from models.training.losses import loss_of
from models.training.tables import Optimisation
from models.training.teachers import Teachers

_LONGEST_GRADIENT = 5.0
_SHORTEST_CYCLE = 10
"""Steps of a learning rate that rises and falls."""


class Run:
    """Steps, evaluations and checkpoints; each step depends on the seed and its number alone."""

    def __init__(
        self,
        config: TrainingConfig,
        field: ReceptiveField,
        examples: Examples,
        out: Path,
        data_sha256: str,
        teachers: Teachers | None = None,
    ) -> None:
        settings = config.optimisation
        self.config, self.field, self.examples, self.out = config, field, examples, out
        self.data_sha256 = data_sha256
        self.device = _device(settings)
        self.precision = _precision(settings, self.device)
        self.network = UNet(config.network.unet()).to(self.device)
        self.teachers = teachers.to(self.device) if teachers else None
        moving = partial(_moving_average, settings.averaging)
        self.average = AveragedModel(self.network, multi_avg_fn=moving, use_buffers=True)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            settings.learning_rate,
            total_steps=max(settings.steps, _SHORTEST_CYCLE),
            pct_start=0.2,
        )
        # fp16 alone is too narrow for gradients as they come; elsewhere this does nothing
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.precision is torch.float16
        )
        self.loss = loss_of(config)
        self.step, self.best, self.stale, self.started = 0, -1.0, 0, time.monotonic()

    @property
    def done(self) -> bool:
        """Whether the last step has been taken, or patience is at an end."""
        settings = self.config.optimisation
        return self.step >= settings.steps or 0 < settings.patience <= self.stale

    def one_step(self) -> dict[str, float]:
        """Learns from one batch, drawn by seed and step alone: a resumed run goes on alike."""
        random = np.random.default_rng((self.config.seed, self.step))
        torch.manual_seed(self.config.seed + self.step)
        loss = self._loss(*self._batch(random))
        if not loss.isfinite():
            raise BadRequest(
                f"The loss is not finite at step {self.step + 1}.",
                expected="A loss that falls; NaN and infinity can only spread.",
                hint="Lower learning_rate, or take fp32; the last checkpoint is as it was.",
            )
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        rate = float(self.schedule.get_last_lr()[0])
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1
        report = {"step": self.step, "loss": float(loss.detach()), "learning_rate": rate}
        return report | {"seconds": self.seconds()}

    def evaluate(self, made: dict[str, Any]) -> dict[str, float]:
        """Mean figures over the held-out cases; keeps last.pt, and best.pt where it is better.

        `made` says how the network came about.
        """
        network = self.average.module.eval()
        each = [scores(network, self.field, self.config, case) for case in self.examples.held_out]
        figures = {name: float(np.mean([s[name] for s in each])) for name in each[0]}
        better = worth(figures) > self.best
        self.best, self.stale = max(self.best, worth(figures)), 0 if better else self.stale + 1
        if better:
            known = figures | {"steps": self.step}
            shipped = checkpoint.shipped(self.config, network.state_dict(), known, made)
            checkpoint.save(self.out / checkpoint.BEST, shipped)
        checkpoint.save(self.out / checkpoint.LAST, self._state())
        return figures

    def begin(self, others: Sequence[dict[str, Tensor]]) -> None:
        """Takes the weights of another training, or the mean of several."""
        for weights in others:
            checkpoint.fill(self.network, weights)  # each by itself, so that none is another's
        weights = checkpoint.mean(others)
        checkpoint.fill(self.network, weights)
        checkpoint.fill(self.average.module, weights)

    def resume(self) -> bool:
        """Takes up where last.pt stands, if it is there; BadRequest where it cannot go on."""
        if not (self.out / checkpoint.LAST).exists():
            return False
        state = checkpoint.read_last(self.out, self.config, self.data_sha256, self.device)
        for name in _KEPT:
            getattr(self, name).load_state_dict(state[name])
        self.step, self.best, self.stale = state["step"], state["best"], state["stale"]
        return True

    def seconds(self) -> float:
        """Since this process began to train."""
        return round(time.monotonic() - self.started, 1)

    def _batch(self, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """Images, classes and weights, each (n, ...)."""
        drawn = [self.examples.draw(random) for _ in range(self.config.optimisation.batch)]
        images = torch.stack([one.image for one in drawn]).to(self.device)
        labels = torch.stack([one.classes for one in drawn]).to(self.device)
        weights = [one.weight for one in drawn if one.weight is not None]
        weight = torch.stack(weights).to(self.device) if weights else None
        return images.contiguous(memory_format=_layout(self.config)), labels, weight

    def _loss(self, images: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        self._train_mode()
        enabled = self.precision is not torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=enabled):
            logits = self.network(images)
            taught = self.teachers(images) if self.teachers else None
        loss: Tensor = self.loss(logits.float(), labels, weight)
        if taught is not None:
            loss = loss + self.config.loss.distillation * Teachers.distance(logits.float(), taught)
        return loss

    def _train_mode(self) -> None:
        """Batch norm goes by the batch; after its share of the steps, by the average's memory."""
        settings = self.config.optimisation
        begins = ceil(settings.norm_until * settings.steps)
        self.network.train()
        if self.step < begins:
            return
        pairs = zip(self.network.modules(), self.average.module.modules(), strict=True)
        for norm, steady in pairs:
            if isinstance(norm, _BatchNorm):
                if self.step == begins:
                    _remember(norm, steady)
                norm.eval()

    def _state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in _KEPT}
        asked = {"config": self.config.model_dump(mode="json"), "data_sha256": self.data_sha256}
        return parts | asked | {"step": self.step, "best": self.best, "stale": self.stale}


_KEPT = ("network", "average", "optimiser", "schedule", "scaler")


def _moving_average(
    decay: float, average: list[Tensor], current: list[Tensor], count: Tensor | int
) -> None:
    """Remembers less at first, so that the random weights of the beginning are soon forgotten."""
    young = (1 + int(count)) / (10 + int(count))
    update = get_ema_multi_avg_fn(min(decay, young))  # type: ignore[no-untyped-call]
    update(average, current, count)


def _remember(norm: nn.Module, other: nn.Module) -> None:
    for buffer, steady in zip(norm.buffers(), other.buffers(), strict=True):
        buffer.copy_(steady)


def _device(settings: Optimisation) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise BadRequest(
            "The configuration asks for CUDA, which this torch does not find.",
            expected="An NVIDIA GPU, its driver, and a torch built for it.",
            hint="Take device = auto, or install these.",
        )
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)


def _precision(settings: Optimisation, device: torch.device) -> torch.dtype:
    named = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if settings.precision != "auto":
        return named[settings.precision]
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16


def _layout(config: TrainingConfig) -> torch.memory_format:
    """Channels last, in which bf16 convolutions are quickest."""
    return torch.channels_last_3d if config.network.dimension == 3 else torch.channels_last
