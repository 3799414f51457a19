"""The state of a training: network, optimiser, schedule, and the current step."""

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
from models.training.evaluate import scores, selection_score
from models.training.examples import Examples
from models.training.losses import loss_of
from models.training.tables import Optimisation
from models.training.teachers import Teachers

_LONGEST_GRADIENT = 5.0
_SHORTEST_CYCLE = 10
"""Minimum number of steps of the learning rate cycle."""


class Run:
    """Steps, evaluations and checkpoints; each step depends only on the seed and its number."""

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
        # gradients need scaling in fp16; disabled for other precisions
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.precision is torch.float16
        )
        self.loss = loss_of(config)
        self.step, self.best, self.stale, self.started = 0, -1.0, 0, time.monotonic()

    @property
    def done(self) -> bool:
        """Whether the last step is done, or patience is exhausted."""
        settings = self.config.optimisation
        return self.step >= settings.steps or 0 < settings.patience <= self.stale

    def one_step(self) -> dict[str, float]:
        """Trains on one batch, which depends only on seed and step, so that a run can be
        resumed."""
        random = np.random.default_rng((self.config.seed, self.step))
        torch.manual_seed(self.config.seed + self.step)
        loss = self._loss(*self._batch(random))
        if not loss.isfinite():
            raise BadRequest(
                f"The loss is not finite at step {self.step + 1}.",
                expected="A finite loss; NaN and infinity would spread to all weights.",
                hint="Lower learning_rate, or set precision = fp32. The last checkpoint is kept.",
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

    def evaluate(self, provenance: dict[str, Any]) -> dict[str, float]:
        """Mean metrics over the validation cases. Saves last.pt, and best.pt after an improvement.

        `provenance`: data, code and version of torch, for the card.
        """
        network = self.average.module.eval()
        each = [scores(network, self.field, self.config, case) for case in self.examples.held_out]
        figures = {name: float(np.mean([s[name] for s in each])) for name in each[0]}
        score = selection_score(figures)
        better = score > self.best
        self.best, self.stale = max(self.best, score), 0 if better else self.stale + 1
        if better:
            results = figures | {"steps": self.step}
            best = checkpoint.exportable(self.config, network.state_dict(), results, provenance)
            checkpoint.save(self.out / checkpoint.BEST, best)
        self.save()
        return figures

    def save(self) -> None:
        """Saves last.pt, from which the training continues after a stop."""
        checkpoint.save(self.out / checkpoint.LAST, self._state())

    def begin(self, others: Sequence[dict[str, Tensor]]) -> None:
        """Starts from the weights of another training, or from the mean of several."""
        for weights in others:
            checkpoint.fill(
                self.network, weights
            )  # each separately, so that weights of another network are found
        weights = checkpoint.mean(others)
        checkpoint.fill(self.network, weights)
        checkpoint.fill(self.average.module, weights)

    def resume(self) -> bool:
        """Continues from last.pt if it exists; raises BadRequest if it cannot be used."""
        if not (self.out / checkpoint.LAST).exists():
            return False
        state = checkpoint.read_last(self.out, self.config, self.data_sha256, self.device)
        for name in _RESTORED:
            getattr(self, name).load_state_dict(state[name])
        self.step, self.best, self.stale = state["step"], state["best"], state["stale"]
        return True

    def seconds(self) -> float:
        """Seconds since this process started to train."""
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
            target = self.teachers(images) if self.teachers else None
        loss: Tensor = self.loss(logits.float(), labels, weight)
        if target is not None:
            loss = loss + self.config.loss.distillation * Teachers.distance(logits.float(), target)
        return loss

    def _train_mode(self) -> None:
        """Batch norm uses the batch's statistics, and after `norm_until` those of the average."""
        settings = self.config.optimisation
        frozen_from = ceil(settings.norm_until * settings.steps)
        self.network.train()
        if self.step < frozen_from:
            return
        pairs = zip(self.network.modules(), self.average.module.modules(), strict=True)
        for norm, averaged in pairs:
            if isinstance(norm, _BatchNorm):
                if self.step == frozen_from:
                    _copy_statistics(norm, averaged)
                norm.eval()

    def _state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in _RESTORED}
        inputs = {"config": self.config.model_dump(mode="json"), "data_sha256": self.data_sha256}
        return parts | inputs | {"step": self.step, "best": self.best, "stale": self.stale}


_RESTORED = ("network", "average", "optimiser", "schedule", "scaler")


def _moving_average(
    decay: float, average: list[Tensor], current: list[Tensor], count: Tensor | int
) -> None:
    """A moving average with a lower decay at first, so that initial weights lose influence soon."""
    early_decay = (1 + int(count)) / (10 + int(count))
    update = get_ema_multi_avg_fn(min(decay, early_decay))  # type: ignore[no-untyped-call]
    update(average, current, count)


def _copy_statistics(norm: nn.Module, other: nn.Module) -> None:
    for buffer, source in zip(norm.buffers(), other.buffers(), strict=True):
        buffer.copy_(source)


def _device(settings: Optimisation) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise BadRequest(
            "The configuration requires CUDA, but PyTorch finds no CUDA device.",
            expected="An NVIDIA GPU with its driver, and a PyTorch that is built for CUDA.",
            hint="Set device = auto, or install these.",
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
    """Channels last: the fastest layout for bf16 convolutions."""
    return torch.channels_last_3d if config.network.dimension == 3 else torch.channels_last
