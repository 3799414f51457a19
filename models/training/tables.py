"""The tables of a training configuration, each validated separately."""

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
    """Folders of images and labels; a case is a file name that exists in both."""

    images: Path | dict[str, Path] | None = None
    """Folder of images, relative to the data folder; with several channels, the folder of each by
    its name. Empty: `synthesis` draws the images."""
    labels: Path
    """Folder of label files, relative to the data folder."""
    classes: dict[int, tuple[int, ...]] | None = None
    """Class -> values in the label files that belong to it; other values become 0. Empty: the
    values are the classes."""
    label_offset: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = ()
    """Systematic displacement of the labels from the image, in voxels per axis. It is kept when a
    window is rotated. Empty: none."""
    regions: tuple[tuple[int, ...], ...] = ()
    """With activation `sigmoid`: the classes that each output covers; regions may overlap."""
    target: Literal["labels", "instances"] = "labels"
    """`labels`: label values are classes. `instances`: label files number objects; class 1 is the
    inside of an object, class 2 its rim."""
    validation: Annotated[int, Field(ge=1)] | tuple[str, ...]
    """Cases held out for validation: how many (chosen by a hash of seed and patient), or which."""
    patient: str = "(.*)"
    """Regular expression whose first group, in a case's name, is the patient. All cases of a
    patient are held out together."""
    colour_weight: Annotated[float, Field(gt=0)] = 1.0
    """How much more often a colour case is drawn than a grey case."""

    @property
    def image_folders(self) -> tuple[Path, ...]:
        """The folders of images, one for each channel, or one for all; none with `synthesis`."""
        if self.images is None:
            return ()
        return (self.images,) if isinstance(self.images, Path) else tuple(self.images.values())

    @model_validator(mode="after")
    def _pattern(self) -> Self:
        try:
            re.compile(self.patient)
        except re.error as error:
            raise ValueError(f"patient is not a valid regular expression: {error}") from error
        return self


class Network(FrozenModel):
    """A U-Net with one width per level; fields as in `models.nets.config.UNetConfig`."""

    dimension: Literal[2, 3]
    """2: images. 3: volumes."""
    in_channels: int = 1
    """Number of input components: the sum over the card's channels."""
    out_channels: int
    """Number of outputs, as many as the card has."""
    widths: tuple[int, ...]
    """Number of maps at each level, finest level first."""
    convolutions: int = 2
    """Number of steps of each block."""
    padding: Padding = "valid"
    """`valid`: no padding, the output is smaller than the input. `same`: padding with zeros."""
    block: Block = "plain"
    """Kind of block at each level."""
    squeeze_excite: bool = False
    """Whether each block ends with squeeze-and-excitation; the network is then not exact."""
    bottleneck: Bottleneck = "none"
    """Module below the deepest level; with `pyramid` the network is not exact."""
    skip: Skip = "concatenate"
    """How encoder and decoder are connected."""
    upsampling: Upsampling = "transposed"
    """Transposed convolution of stride 2, or 1x1 convolution and linear interpolation."""
    activation: Activation = "relu"
    """Activation after each convolution of a block."""
    batch_norm: bool = True
    """Whether batch norm follows each convolution of a block."""
    up_bias: bool = True
    """Whether upsampling convolutions have a bias."""
    dropout: Fraction = 0.0
    """Dropout rate at the end of the bottom level; 0: none."""
    logit_offsets: tuple[float, ...] = ()
    """Added to the logits, one for each output, when the trained network is evaluated and exported,
    to move the boundary between classes. With two classes, ln((1 - t) / t) selects the second from
    a probability of t. Training does not use them."""

    def unet(self) -> UNetConfig:
        """The configuration from which the network is built."""
        return UNetConfig.of_widths(**self.model_dump(exclude={"logit_offsets"}))


class Augmentation(FrozenModel):
    """Random changes, drawn for each example. 0, or 1 for factors, switches a change off."""

    rotation_degrees: Amount | tuple[Amount, ...] = 0.0
    """Largest rotation in degrees, in both directions. For a volume one number, or one per plane:
    axes 0 and 1, 0 and 2, 1 and 2. Use small angles where a label ends at a plane of the scan."""
    scale: Annotated[float, Field(ge=1)] = 1.0
    """Sizes change by a factor between 1/scale and scale."""
    stretch: Annotated[float, Field(ge=1)] = 1.0
    """As `scale`, but a separate factor for each axis."""
    elastic: Amount = 0.0
    """Standard deviation in voxels of the displacement of control points (arXiv:1505.04597)."""
    elastic_spacing: Annotated[float, Field(gt=0)] = 32.0
    """Distance between control points in voxels, interpolated by a cubic B-spline."""
    flips: tuple[int, ...] = ()
    """Axes that are mirrored in half of the examples."""
    brightness: Amount = 0.0
    """Largest value added to the normalised image, in both directions."""
    contrast: Amount = 0.0
    """Largest relative change of the normalised values, in both directions."""
    gamma: Annotated[float, Field(ge=1)] = 1.0
    """Half of the examples get an exponent between 1/gamma and gamma."""
    fade: Fraction = 0.0
    """Largest fraction of the contrast about the median that is removed, as in pale stains."""
    noise: Amount = 0.0
    """Largest standard deviation of Gaussian noise."""
    blur: Amount = 0.0
    """Largest standard deviation of a Gaussian blur in voxels; 0.3 or less switches it off."""
    bias_field: Amount = 0.0
    """Largest coefficient of a smooth multiplicative field."""
    colour: Amount = 0.0
    """Permutes the components and scales each by a factor between 1 - colour and 1 + colour."""
    invert: Fraction = 0.0
    """Fraction of examples that are inverted, for values from about 0 to 1."""
    grey: Fraction = 0.0
    """Fraction of examples whose components are replaced by their mean."""
    stain: Fraction = 0.0
    """Fraction of examples of numbered nuclei that are shown as immunostained tissue."""


class Synthesis(FrozenModel):
    """Draws images from label maps (SynthSeg, doi:10.1016/j.media.2023.102789).

    Each kind of tissue gets a random mean and standard deviation on the maps' grid; then slices of
    a random thickness are simulated.
    """

    alike: tuple[tuple[int, ...], ...] = ()
    """Groups of map values with the same appearance, such as left and right. Values in no group
    have an appearance of their own."""
    contrasts: tuple[dict[int, float], ...] = ()
    """Mean intensity by map value in common sequences, such as T1; other values get random
    means."""
    common: Fraction = 0.0
    """Fraction of scans with one of these contrasts, with small random deviations."""
    spread: Amount = 0.14
    """Largest standard deviation within a tissue; means are between 0 and 1."""
    outside: tuple[int, ...] = ()
    """Map values outside the brain, which a skull-stripped scan does not contain."""
    around: tuple[int, ...] = ()
    """Map values around the brain, such as fluid, of which a stripped scan keeps a layer."""
    cortex: tuple[int, ...] = ()
    """Map values that may be one voxel thicker than in the maps, where they touch `around`."""
    thicken: Fraction = 0.0
    """Fraction of scans with a thicker cortex, for brains less atrophic than the maps'."""
    strip: Fraction = 0.0
    """Fraction of scans that are skull-stripped."""
    thickest_mm: Annotated[float, Field(gt=0)] = 6.0
    """Largest slice thickness in mm, along a random axis; half of the scans keep the maps' grid."""
    bias: Amount = 0.0
    """Largest standard deviation of the logarithm of a smooth multiplicative field."""
    images: Annotated[int, Field(ge=1)] = 2
    """Number of validation images per held-out map; the same at every evaluation."""


class Loss(FrozenModel):
    """Dice and cross-entropy; the latter is weighted by the U-Net paper's weight map."""

    dice: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the Dice loss; 0: none."""
    cross_entropy: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the cross-entropy; 0: none."""
    balance: bool = False
    """Whether rare classes weigh as much as frequent classes, in each case."""
    border: Annotated[float, Field(ge=0)] = 0.0
    """Weight added between touching objects (w_0); 10 in the paper, 0: none."""
    sigma: Annotated[float, Field(gt=0)] = 5.0
    """Range of `border` in voxels."""
    objects: Annotated[int, Field(ge=0)] = 0
    """Class whose connected components are the objects, if labels do not number objects."""
    distillation: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the distance to the teachers' probabilities (Hinton et al. 2015); 0: none."""
    teachers: tuple[Path, ...] = ()
    """Teachers, relative to the data folder: the best.pt of trainings of the same task, also of
    larger networks, or a model.onnx of the same network."""
    mirrors: tuple[SpatialAxis, ...] = ()
    """Axes along which teachers also see the mirror image."""

    @property
    def weighted(self) -> bool:
        """Whether voxels have different weights."""
        return self.balance or self.border > 0


class Optimisation(FrozenModel):
    """AdamW with a one-cycle learning rate."""

    steps: Annotated[int, Field(ge=1)]
    """Number of steps; one batch each."""
    batch: Annotated[int, Field(ge=1)] = 2
    """Examples per step."""
    output: tuple[int, ...]
    """Spatial size of the network's output for one example, in voxels; the input is larger by the
    halo."""
    on_labels: Fraction = 0.0
    """Fraction of examples around a place between the labels of their case, for small structures in
    large scans; the others are from anywhere in it."""
    learning_rate: Amount = 3e-3
    """Highest learning rate of the cycle."""
    weight_decay: Amount = 1e-2
    """Weight decay of AdamW."""
    averaging: Fraction = 0.0
    """Decay of the moving average of the weights, which is evaluated and saved; 0: no average."""
    norm_until: Fraction = 1.0
    """Fraction of the steps in which batch norm uses the statistics of the batch; after that it
    uses the running statistics, as in inference. For batches that are too small or too different to
    represent all images."""
    start: Path | tuple[Path, ...] = ()
    """A best.pt or model.onnx of the same network to start from, relative to the data folder. With
    several, the mean of their weights, which is often better than each (arXiv:2203.05482)."""
    evaluate_every: Annotated[int, Field(ge=1)] = 250
    """Steps between evaluations."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Training stops after this number of evaluations without improvement; 0: after the last
    step."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: a GPU if there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Precision of activations. `auto`: bf16, or fp16 on a GPU that does not support it."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0: torch's default."""

    @property
    def start_files(self) -> tuple[Path, ...]:
        """The files of `start`, none, one or several."""
        return (self.start,) if isinstance(self.start, Path) else self.start
