"""What a model says of itself. Torch-free: gateway and workers read it."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imaging.errors import BadModel
from imaging.mask_description import MaskDescription, Segment
from models.coding import STRUCTURE, CodedConcept, private_code

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Context = Annotated[int, Field(ge=0, le=1024)]
Step = Annotated[int, Field(ge=1, le=2048)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Channel(_Frozen):
    """One scan that the network looks at, e.g. `t1`; `components` 3 means an RGB picture."""

    name: Name
    components: Literal[1, 3] = 1
    description: str = ""


class Label(_Frozen):
    """What a number in the mask means. 0 is background and is not listed."""

    value: Annotated[int, Field(ge=1, le=65535)]
    name: str
    color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    code: CodedConcept | None = None
    """What is segmented, for DICOM: best of CID 7151 (PS3.16). None: a private code of the name."""
    category: CodedConcept | None = None
    """Of CID 7150; None: an anatomical structure."""
    modifier: CodedConcept | None = None
    """Of CID 2: laterality, or which part."""

    @property
    def segment(self) -> Segment:
        """The label as formats that know codes tell it."""
        return Segment(
            number=self.value,
            name=self.name,
            color=self.color,
            category=self.category.code if self.category else STRUCTURE,
            type=self.code.code if self.code else private_code(self.name),
            modifier=self.modifier.code if self.modifier else None,
        )


def check_outputs(activation: str, outputs: tuple[int, ...], labels: tuple[Label, ...]) -> None:
    """Raises ValueError where outputs and labels do not belong together."""
    values = {label.value for label in labels}
    if len(values) != len(labels):
        raise ValueError("each label value may appear once")
    if activation == "softmax" and (len(outputs) < 2 or outputs[0] != 0):
        raise ValueError("softmax outputs begin with 0, background")
    if not set(outputs) - {0} <= values:
        raise ValueError("outputs name a label value that labels do not list")


class Intensity(_Frozen):
    """How voxels are normalised, once per image and channel, before tiling.

    `zscore`: subtract the mean, divide by the standard deviation of all finite voxels.
    `percentile`: `lower` and `upper` percentiles go to 0 and 1, not clipped; for an RGB picture
    they are taken over its three components together.
    `fixed`: clip to [`lower`, `upper`], then subtract `mean` and divide by `std` (CT).
    """

    kind: Literal["zscore", "percentile", "fixed", "none"]
    lower: float | None = None
    upper: float | None = None
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.kind in ("percentile", "fixed") and (
            self.lower is None or self.upper is None or self.lower >= self.upper
        ):
            raise ValueError(f"intensity '{self.kind}' needs lower < upper")
        return self


class Instances(_Frozen):
    """The mask numbers single objects 1, 2, 3, ... in raster order instead of bearing label values.

    Components of network output `seed` are the objects; they grow into the voxels of output `rim`,
    and objects smaller than `min_voxels` are dropped.
    """

    seed: Positive
    rim: Positive
    min_voxels: Positive = 1


class Cleanup(_Frozen):
    """Done to the finished mask, in this order."""

    one_piece: bool = False
    """Only the largest connected part of all labels together stays."""
    largest_component: tuple[int, ...] = ()
    """Label values of which only the largest connected component stays."""
    fill_holes: tuple[int, ...] = ()


class Sample(_Frozen):
    """An input that anyone can make again, to check a model on a machine."""

    kind: Literal["noise", "package"]
    seed: int = 0
    shape: tuple[int, ...] = ()
    """Spatial shape of seeded smooth noise, or of the part of an image that is taken."""
    image: str = ""
    """For `package`: an image that a package carries, such as `nilearn:mni152-t1`."""
    start: tuple[int, ...] = ()
    """First voxel of that part, on the file's own axes; (): the whole image is taken."""


class Training(_Frozen):
    """How the weights came about: enough to do it again, and to see whether it is the same."""

    config: dict[str, Any]
    """The training's configuration, fields at their defaults left out."""
    data_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of all files' names and contents; `models.training.provenance`."""
    code: str
    """Version and commit."""
    torch: str


class ModelCard(_Frozen):
    """All that inference needs to know of a network, and all that a user should know."""

    name: Name
    version: str
    title: str
    description: str = ""
    dimension: Literal[2, 3]
    channels: tuple[Channel, ...]
    labels: tuple[Label, ...]
    activation: Literal["softmax", "sigmoid"] = "softmax"
    outputs: tuple[int, ...]
    """Label value that each network output paints. softmax: outputs[0] is 0, background; sigmoid:
    regions, painted in this order, later over earlier."""
    instances: Instances | None = None
    cleanup: Cleanup = Cleanup()
    spacing_mm: tuple[float, ...] | None = None
    """The spacing that the network was trained at (RAS+ axes); None: the scan's own."""
    intensity: Intensity
    empty: tuple[float, float] | None = None
    """Least and greatest value, as stored, of voxels that are background whatever the network would
    say: air, a stripped skull's zeros, a slide's white. Tiles of nothing else are not run."""

    padding: Literal["valid", "same"]
    halo: tuple[Context, ...]
    """Context per axis, each side, that an output voxel reads; derived, never typed by hand."""
    align: tuple[Step, ...]
    """The network's total stride per axis."""
    minimum: tuple[Step, ...]
    """Smallest legal input size per axis; legal sizes are minimum + n * align."""
    exact: bool
    """False where layers look at the whole tile, so that tiling would change the mask."""

    parameters: NotNegative = 0
    multiply_adds_per_voxel: Amount = 0.0
    """Per output voxel of a large tile."""
    bytes_per_voxel: Amount = 0.0
    """Working memory per input voxel in fp32; the planner's measure."""
    sample: Sample | None = None
    licence: str
    data: str = ""
    split: str = ""
    figures: dict[str, float] = {}
    training: Training | None = None
    limits: str = ""
    intended_use: str = "Research use only; not for clinical use."
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of model.onnx."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for field in ("halo", "align", "minimum"):
            if len(getattr(self, field)) != self.dimension:
                raise ValueError(f"{field} needs {self.dimension} numbers, one per axis")
        if self.spacing_mm is not None and (
            len(self.spacing_mm) != self.dimension or min(self.spacing_mm) <= 0
        ):
            raise ValueError(f"spacing_mm needs {self.dimension} positive numbers")
        if self.empty is not None and not self.empty[0] <= self.empty[1]:
            raise ValueError("empty needs two numbers, the lesser first")
        if not self.channels or len({c.name for c in self.channels}) != len(self.channels):
            raise ValueError("channels need at least one entry, each name once")
        check_outputs(self.activation, self.outputs, self.labels)
        if self.instances and (
            len(self.labels) != 1
            or max(self.instances.seed, self.instances.rim) >= len(self.outputs)
        ):
            raise ValueError("instances need exactly one label, and seed and rim among the outputs")
        return self

    @property
    def components(self) -> int:
        """Input channels of the network itself."""
        return sum(channel.components for channel in self.channels)

    def mask_description(self) -> MaskDescription:
        """What the numbers of a mask by this model mean."""
        return MaskDescription(
            segments=tuple(label.segment for label in self.labels),
            algorithm=self.name,
            version=self.version,
            instances=self.instances is not None,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads card.json; raises BadModel that names every field at fault."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors()
            )
            raise BadModel(
                f"The card is not sound: {faults}.",
                expected="A card.json with every field that docs/models.md describes.",
                hint="Mend these fields and add the model again.",
            ) from error
        except OSError as error:
            raise BadModel(
                "The folder holds no card.json that can be read.",
                expected="A folder with model.onnx and card.json.",
                hint="Point at such a folder, or write the card as docs/models.md tells.",
            ) from error

    def save(self, path: Path) -> None:
        """Writes card.json, indented, ending in a newline."""
        path.write_text(self.model_dump_json(indent=2, exclude_defaults=True) + "\n")
