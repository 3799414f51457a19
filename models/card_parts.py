"""The parts of a model card: channels, labels, box, intensity, instances, sample, training."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from imaging.frozen_model import FrozenModel
from imaging.given_mask import DEFAULT_MARGIN_MM, MAX_MARGIN_MM
from imaging.label_codes import STRUCTURE, private_code
from imaging.mask_description import Segment
from imaging.postprocessing.step import LabelValue
from models.coding import CodedConcept
from models.training_range import TrainingRange

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
LONGEST_NAME = 64
"""Characters of a model's name, with its version where that is part of it: the database stores no
more."""
ModelName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9._-]*)?$", max_length=LONGEST_NAME),
]
"""What chooses a model: `NAME`, or `NAME@VERSION` for a later version of it."""
Positive = Annotated[int, Field(ge=1)]
FileName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+$", max_length=64)
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Channel(FrozenModel):
    """One input scan of the network, such as `t1`."""

    name: Name
    """Lower-case name under which a request supplies this scan."""
    components: Literal[1, 3] = 1
    """1: a volume or grey image. 3: an RGB image; a grey image is repeated three times."""
    description: str = ""
    """What to supply: modality, sequence, stain, field of view."""
    label_values: tuple[LabelValue, ...] = ()
    """For a channel that is a label map, such as the mask of an earlier network: its values, each
    of which is one input channel of the network, 1 where the voxel has the value and 0 elsewhere.
    The label map must be on the grid of the first channel. Empty: the channel is a scan."""
    made_by: ModelName | None = None
    """Name of another model whose mask fills this channel, such as the coarse network of a cascade.
    It runs first, on the scans of the channels of the same names. A request may supply a mask
    instead. Needs `label_values`. Empty: a request supplies the channel."""
    trained_on: TrainingRange | None = None
    """What the training scans of this channel were like. The report warns of a scan that differs.
    Empty: nothing is checked."""

    @model_validator(mode="after")
    def _made_label_map(self) -> Self:
        if self.made_by is not None and not self.label_values:
            raise ValueError("a channel with made_by needs label_values")
        return self

    @property
    def inputs(self) -> int:
        """Number of input channels of the network that it fills."""
        return len(self.label_values) or self.components


class Label(FrozenModel):
    """What one value in the mask means. Value 0 is background and is not listed."""

    value: LabelValue
    """The voxel value, from 1 to 65535."""
    name: str
    """Name shown to users."""
    color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    """Display colour as `#rrggbb`, lower case."""
    code: CodedConcept | None = None
    """What is segmented, for DICOM: a code of CID 7151 (PS3.16) where one fits. Empty: a private
    code made from the name."""
    category: CodedConcept | None = None
    """What kind of thing it is, for DICOM: a code of CID 7150 (PS3.16). Empty: Anatomical
    Structure."""
    modifier: CodedConcept | None = None
    """Which side or part of it, for DICOM: a code of CID 2 (PS3.16). Empty: none."""

    @property
    def segment(self) -> Segment:
        """The label with its codes completed, as DICOM writers need it."""
        return Segment(
            number=self.value,
            name=self.name,
            color=self.color,
            category=self.category.code if self.category else STRUCTURE,
            type=self.code.code if self.code else private_code(self.name),
            modifier=self.modifier.code if self.modifier else None,
        )


class Intensity(FrozenModel):
    """How voxel values are normalised, once per scan and channel, before tiling."""

    kind: Literal["zscore", "percentile", "fixed", "none"]
    """`zscore`: subtract the mean and divide by the standard deviation of all finite voxels.
    `percentile`: map the percentiles `lower` and `upper` to 0 and 1; an RGB image's three
    components are taken together. `fixed`: clip to [`lower`, `upper`], subtract
    `mean`, divide by `std` (CT). `none`: leave values as they are."""
    lower: float | None = None
    """`percentile`: percent, 0 to 100. `fixed`: lowest value, in the scan's units."""
    upper: float | None = None
    """`percentile`: percent, 0 to 100. `fixed`: highest value, in the scan's units."""
    mean: float = 0.0
    """`fixed` only: value that is subtracted, in the scan's units."""
    std: Annotated[float, Field(gt=0)] = 1.0
    """`fixed` only: value to divide by, in the scan's units."""
    clip: bool = False
    """`percentile` only: clip values to the two percentiles."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.kind in ("percentile", "fixed") and (
            self.lower is None or self.upper is None or self.lower >= self.upper
        ):
            raise ValueError(f"intensity '{self.kind}' needs lower < upper")
        if self.clip and self.kind != "percentile":
            raise ValueError("clip is for intensity 'percentile' only")
        return self


class Instances(FrozenModel):
    """Makes the mask number single objects 1, 2, 3, ... in raster order, instead of label values.

    Face-connected components of the network output `seed` are the objects. They grow into the
    voxels of the output `rim`.
    """

    seed: Positive
    """Index of the network output that marks the inside of objects."""
    rim: Positive
    """Index of the network output that marks the rim of objects."""
    min_voxels: Positive = 1
    """Objects with fewer voxels are removed."""


class Sample(FrozenModel):
    """An input that is the same on every machine, to check the model there. Every label should
    occur in its mask."""

    kind: Literal["noise", "package", "file"]
    """`noise`: smooth random values. `package`: an image that a Python package contains. `file`:
    files beside card.json."""
    seed: int = 0
    """`noise` only: seed of the random numbers."""
    shape: tuple[int, ...] = ()
    """Spatial shape in voxels: of the noise, or of the crop of a package's image."""
    image: str = ""
    """`package` only: the image, such as `nilearn:mni152-t1`."""
    start: tuple[int, ...] = ()
    """`package` only: first voxel of the crop, on the file's own axes. Empty: the whole image."""
    files: tuple[FileName, ...] = ()
    """`file` only: names of files in the model's folder, one for each channel, in their order."""

    def check_files(self, channels: int) -> None:
        """Raises ValueError unless there is a file for each channel, if it is of files."""
        if len(self.files) != (channels if self.kind == "file" else 0):
            raise ValueError("a sample of the kind `file` needs `files`, one for each channel")


class Within(FrozenModel):
    """The box in which a model runs: around labels that a coarse, fast model finds first."""

    model: ModelName
    """Name of the coarse model. It runs on the scans of the channels of the same names."""
    labels: tuple[str, ...] = ()
    """Names of the coarse model's labels that the box contains. Empty: all of them."""
    margin_mm: Annotated[float, Field(ge=0, le=MAX_MARGIN_MM)] = DEFAULT_MARGIN_MM
    """What the box contains beyond these labels, on each side, in mm; in pixels for an image
    without a pixel size."""


class Parent(FrozenModel):
    """The model that a network was fine-tuned from, and the data set that changed it."""

    name: Name
    """Name of the model; a network of the same name is a later version of it."""
    version: str
    """Its version."""
    sha256: Sha256
    """SHA-256 of its network."""
    manifest_sha256: Sha256
    """SHA-256 of the data set's manifest.json, which lists every case with its job and verdict."""
    training_cases: Positive
    """Number of cases that the network was fine-tuned on."""
    training_subjects: Positive
    """Number of subjects of these cases."""
    held_out_cases: Positive
    """Number of cases of other subjects, on which both networks were measured once."""
    held_out_subjects: Positive
    """Number of subjects of these cases."""
    figures: dict[str, float]
    """Results of the parent on the held-out cases. `figures` of the card are those of the new
    network on the same cases."""


class Training(FrozenModel):
    """How the weights were trained: enough to repeat the training and to compare the result."""

    config: dict[str, Any]
    """The training's configuration without fields that have their default."""
    data_sha256: Sha256
    """Hash of the names and contents of all data files (`models.training.provenance`)."""
    code: str
    """Version of Tessera, and the commit where one is known."""
    torch: str
    """Version of PyTorch."""
