"""The card of a network that nnU-Net trained."""

from dataclasses import dataclass
from typing import Any

from models.importers.names import model_name
from models.importers.nnunet.dataset import Channels, Labels, short_name
from models.importers.nnunet.plans import Configuration, Plans
from models.importers.nnunet.preparation import orientation_of, preparation_of
from models.importers.nnunet.refusals import damaged, unsupported
from models.onnx_graph.facts import GraphFacts


@dataclass(frozen=True, slots=True)
class Training:
    """What nnU-Net stored about one training, without its weights."""

    plans: Plans
    configuration: Configuration
    configuration_name: str
    channels: Channels
    labels: Labels
    first_model: str | None = None
    """Name of the model that makes the mask for the second network of a cascade."""

    @property
    def channel_fields(self) -> list[dict[str, Any]]:
        """`channels` of the card."""
        stage = self.configuration.previous_stage
        if stage is None:
            return self.channels.fields
        first = self.first_model or default_name(self.plans, stage)
        return [*self.channels.fields, self.labels.of_model(first)]

    @property
    def inputs(self) -> int:
        """Input channels of the network."""
        cascaded = self.configuration.previous_stage is not None
        return len(self.channels.names) + (len(self.labels.fields) if cascaded else 0)

    @property
    def axes(self) -> int:
        """Spatial axes of the scans."""
        return 2 if self.plans.images else 3

    @property
    def slicewise(self) -> bool:
        """Whether a 2D network segments a volume slice by slice."""
        return self.configuration.axes < self.axes


def default_name(plans: Plans, configuration: str) -> str:
    """The name of an imported model."""
    return model_name(f"{short_name(plans.dataset_name)}-{configuration.replace('_', '-')}")


def check_supported(training: Training) -> None:
    """Raises BadModel where the training has a part that a card cannot state."""
    manager = training.plans.label_manager
    if manager != "LabelManager":
        raise unsupported(f"the label manager {manager}", "nnU-Net's LabelManager.")
    if training.configuration.axes > training.axes or training.configuration.axes not in (2, 3):
        raise damaged(
            f"The patch has {training.configuration.axes} axes, the scans have {training.axes}."
        )
    stated = len(training.configuration.normalization_schemes)
    if stated != len(training.channels.names):
        raise damaged(
            f"plans.json normalises {stated} channels, and dataset.json has "
            f"{len(training.channels.names)}."
        )


def card_of(
    training: Training, facts: GraphFacts, mirror_axes: tuple[int, ...], stored: str | None
) -> dict[str, Any]:
    """The fields of the card. `facts`: derived from the exported network. `stored`: the
    orientation of the training files, where scans are turned to it."""
    plans, labels = training.plans, training.labels
    name = short_name(plans.dataset_name)
    scans = len(training.channels.fields)
    return {
        "name": default_name(plans, training.configuration_name),
        "title": f"{name} (nnU-Net {training.configuration_name})",
        "description": f"nnU-Net's network {training.configuration_name} for {plans.dataset_name}.",
        "channels": training.channel_fields,
        "labels": labels.fields,
        "outputs": labels.outputs,
        "activation": "sigmoid" if labels.regions else "softmax",
        "dimension": training.axes,
        "orientation": orientation_of(plans, stored),
        "preparation": preparation_of(plans, training.configuration, training.axes, scans),
        "windows": _windows(training, mirror_axes),
        "exact": False,
        "parameters": facts.parameters,
        **_tiling(training, facts),
    }


def _windows(training: Training, mirror_axes: tuple[int, ...]) -> dict[str, Any]:
    extra = int(training.slicewise)
    if any(not 0 <= axis < training.configuration.axes for axis in mirror_axes):
        raise damaged(f"The checkpoint mirrors the axes {mirror_axes}, which do not all exist.")
    return {
        "patch": [*(1,) * extra, *training.configuration.patch_size],
        "step": 0.5,
        "step_rule": "spread",
        "weights": "gaussian_fp16",
        "sums": "float16",
        "sigma": 0.125,
        "mirror_axes": [axis + extra for axis in mirror_axes],
        "slicewise": training.slicewise,
    }


def _tiling(training: Training, facts: GraphFacts) -> dict[str, Any]:
    tiling = facts.tiling
    if tiling is None or tiling.padding != "same":
        raise damaged(f"The network's output does not have the size of its input. {facts.reason}")
    extra = (1,) * int(training.slicewise)
    return {
        "padding": tiling.padding,
        "halo": [*(0 for _ in extra), *tiling.halo],
        "align": [*extra, *tiling.align],
        "minimum": [*extra, *tiling.minimum],
    }
