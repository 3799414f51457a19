"""The tables of a training's configuration, each checked by itself."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from imaging.frozen_model import FrozenModel
from models.nets.config import (
    Activation,
    Block,
    Bottleneck,
    Padding,
    Skip,
    UNetConfig,
    Upsampling,
)

Fraction = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SpatialAxis = Annotated[int, Field(ge=0, le=2)]


class Data(FrozenModel):
    """Folders of images and labels; a case is a file name that both have."""

    images: Path | None = None
    """Relative to the data folder that the command names; none where `synthesis` draws them."""
    labels: Path
    classes: dict[int, tuple[int, ...]] | None = None
    """Class -> the files' values that it stands for; all others are 0. None: they are the same."""
    label_offset: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = ()
    """Where labels lie, in voxels along each axis, from what they label: learnt as it is, however
    a window is turned. Most labels lie where they should."""
    regions: tuple[tuple[int, ...], ...] = ()
    """With activation sigmoid: the classes that each output covers; regions may overlap."""
    target: Literal["labels", "instances"] = "labels"
    """`labels`: label values are classes. `instances`: numbered objects; 1 is inside, 2 rim."""
    validation: Annotated[int, Field(ge=1)] | tuple[str, ...]
    """How many cases are held out, picked by the hash of seed and patient; or their names."""
    patient: str = "(.*)"
    """A pattern whose first group, in a case's name, is the patient: held out with all cases."""
    colour_weight: Annotated[float, Field(gt=0)] = 1.0
    """How much more often a case whose components differ is drawn than a grey one."""

    @model_validator(mode="after")
    def _pattern(self) -> Self:
        try:
            re.compile(self.patient)
        except re.error as error:
            raise ValueError(f"patient is no regular expression: {error}") from error
        return self


class Network(FrozenModel):
    """A U-Net of one width per level; fields as in `models.nets.config.UNetConfig`."""

    dimension: Literal[2, 3]
    in_channels: int = 1
    out_channels: int
    widths: tuple[int, ...]
    convolutions: int = 2
    """Steps of each block."""
    padding: Padding = "valid"
    block: Block = "plain"
    squeeze_excite: bool = False
    bottleneck: Bottleneck = "none"
    skip: Skip = "concatenate"
    upsampling: Upsampling = "transposed"
    activation: Activation = "relu"
    batch_norm: bool = True
    up_bias: bool = True
    dropout: Fraction = 0.0
    logit_offsets: tuple[float, ...] = ()
    """Added to the logits, one for each output, when the trained network is measured and exported,
    to move the border between its classes: of two, ln((1 - t) / t) lets the second win from a
    probability of t on. Training knows nothing of them."""

    def unet(self) -> UNetConfig:
        """The configuration that the network is built from."""
        return UNetConfig.of_widths(**self.model_dump(exclude={"logit_offsets"}))


class Augmentation(FrozenModel):
    """Every change is drawn anew for each example; 0 leaves it out."""

    rotation_degrees: Amount | tuple[Amount, ...] = 0.0
    """At most, either way; of a volume perhaps one for each plane: axes 0 and 1, 0 and 2, 1 and 2.
    Borders that follow a plane of the scan are learnt best where that plane stays."""
    scale: Annotated[float, Field(ge=1)] = 1.0
    """Sizes are changed by a factor between 1/scale and scale."""
    stretch: Annotated[float, Field(ge=1)] = 1.0
    """As scale, for each axis by itself."""
    elastic: Amount = 0.0
    """Standard deviation, in voxels, of the displacement of control points (arXiv:1505.04597)."""
    elastic_spacing: Annotated[float, Field(gt=0)] = 32.0
    """Voxels between control points; a cubic B-spline runs through what lies between."""
    flips: tuple[int, ...] = ()
    """Axes whose mirror image is as likely."""
    brightness: Amount = 0.0
    contrast: Amount = 0.0
    gamma: Annotated[float, Field(ge=1)] = 1.0
    fade: Fraction = 0.0
    """Most that is taken from an image's contrast about its medians: pale stains."""
    noise: Amount = 0.0
    blur: Amount = 0.0
    """Largest standard deviation in voxels, from 0.3; less than that leaves it out."""
    bias_field: Amount = 0.0
    colour: Amount = 0.0
    invert: Fraction = 0.0
    grey: Fraction = 0.0
    stain: Fraction = 0.0
    """How often numbered nuclei, in colour, are shown as immunostained tissue."""


class Synthesis(FrozenModel):
    """How images are drawn from label maps (SynthSeg, doi:10.1016/j.media.2023.102789).

    Each kind of tissue gets a random mean and spread, on the maps' grid; then the scanner's slices.
    """

    alike: tuple[tuple[int, ...], ...] = ()
    """Values of the maps that look alike, such as left and right; each other by itself."""
    contrasts: tuple[dict[int, float], ...] = ()
    """Means that the tissues have in common sequences, such as T1; others by chance."""
    common: Fraction = 0.0
    """How often a scan is of such a contrast, its means a little off."""
    spread: Amount = 0.14
    """Largest standard deviation within a tissue, where means run from 0 to 1."""
    outside: tuple[int, ...] = ()
    """Values outside of the brain, which a stripped scan lacks."""
    around: tuple[int, ...] = ()
    """Values next to its surface, such as fluid, of which a stripped scan keeps a layer."""
    cortex: tuple[int, ...] = ()
    """Values that may be a voxel thicker than in the maps, where they border on those `around`."""
    thicken: Fraction = 0.0
    """How often they are: brains less shrunken than the maps'."""
    strip: Fraction = 0.0
    """How often a scan is stripped."""
    thickest_mm: Annotated[float, Field(gt=0)] = 6.0
    """Of slices, along an axis by chance; half of the scans are as fine as the maps."""
    bias: Amount = 0.0
    """Largest standard deviation of the logarithm of a smooth multiplicative field."""
    images: Annotated[int, Field(ge=1)] = 2
    """Drawn from each held-out map, the same at every evaluation."""


class Loss(FrozenModel):
    """Dice and cross-entropy, the latter by the U-Net paper's weight map; 0 leaves a part out."""

    dice: Annotated[float, Field(ge=0)] = 1.0
    cross_entropy: Annotated[float, Field(ge=0)] = 1.0
    balance: bool = False
    """Rare classes weigh as much as frequent ones, case by case."""
    border: Annotated[float, Field(ge=0)] = 0.0
    """Weight added between touching objects, w_0; the paper takes 10."""
    sigma: Annotated[float, Field(gt=0)] = 5.0
    """How far that reaches, in voxels."""
    objects: Annotated[int, Field(ge=0)] = 0
    """Class whose connected parts are the objects, where labels do not number them."""
    distillation: Annotated[float, Field(ge=0)] = 0.0
    """Weight of what the teachers say of the same example (Hinton et al. 2015)."""
    teachers: tuple[Path, ...] = ()
    """The best.pt of trainings of the same task, perhaps of larger networks, or a model.onnx of
    this very network; relative to the data folder."""
    mirrors: tuple[SpatialAxis, ...] = ()
    """Axes along which the teachers look at the mirror image, too, where that is as likely."""

    @property
    def weighted(self) -> bool:
        """Whether voxels weigh differently."""
        return self.balance or self.border > 0


class Optimisation(FrozenModel):
    """AdamW with a one-cycle learning rate."""

    steps: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)] = 2
    output: tuple[int, ...]
    """Spatial size of what is learnt from at once; the input is larger by the halo."""
    learning_rate: Amount = 3e-3
    weight_decay: Amount = 1e-2
    averaging: Fraction = 0.0
    """Decay of the moving average of the weights, which is what is kept; 0: none."""
    norm_until: Fraction = 1.0
    """Share of the steps in which batch norm goes by the batch; from then on by what it remembers,
    as when served. For batches too small, or too unlike, to stand for all images."""
    start: Path | tuple[Path, ...] = ()
    """A best.pt or model.onnx of the same network to begin from, relative to the data folder; of
    several, the mean of their weights, which is often better than each (arXiv:2203.05482)."""
    evaluate_every: Annotated[int, Field(ge=1)] = 250
    patience: Annotated[int, Field(ge=0)] = 0
    """Ends after so many evaluations without a better one; 0: never before the last step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Of activations; auto is bf16, or fp16 on a GPU without it."""
    threads: Annotated[int, Field(ge=0)] = 0
    """0: as many as torch takes by itself."""

    @property
    def beginnings(self) -> tuple[Path, ...]:
        """The files of `start`."""
        return (self.start,) if isinstance(self.start, Path) else self.start
