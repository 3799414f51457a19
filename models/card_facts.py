"""The part of a model card that a person states; the rest is derived from the network."""

from typing import Literal, Self

from pydantic import model_validator

from imaging.orientation import RAS, check_orientation
from imaging.postprocessing.step import LabelStep
from imaging.postprocessing.steps import AnyStep
from imaging.preparation.resample import Resample
from imaging.preparation.steps import AnyPreparation, check_steps
from models.card_parts import Intensity, Sample
from models.model_facts import ModelFacts
from models.reference import Reference
from models.results import Results
from models.windows import Windows


class CardFacts(ModelFacts):
    """What a person states about a network. `[card]` of a training configuration is one."""

    activation: Literal["softmax", "sigmoid"] = "softmax"
    """`softmax`: each voxel gets the label of its highest output. `sigmoid`: each output is a
    region, painted where its probability is above 0.5."""
    outputs: tuple[int, ...]
    """Label value of each network output. softmax: the first is 0, background. sigmoid: painted in
    this order, later over earlier."""
    results: Results = Results()
    """How outputs become labels where the network's grid is not the scan's."""
    windows: Windows | None = None
    """The overlapping windows in which a network runs that is not exact. Empty: it runs in one
    pass."""
    postprocessing: tuple[AnyStep, ...] = ()
    """Steps applied to the finished mask, in this order."""
    orientation: str = RAS
    """The axes of the network's input, in its own order; the mask is turned back. Three letters,
    one of each of R/L, A/P and S/I: the direction in which each axis grows (`RAS`: to the right,
    anterior and superior). Or `i`, `j` and `k` in any order: the axes as stored in the file, not
    flipped (`kji`: as SimpleITK reads a NIfTI file). An image's axes are rows and columns: `ij`, as
    with the default, or `ji`."""
    spacing_mm: tuple[float, ...] | None = None
    """Voxel size in mm at which the network was trained, per axis of its input; scans are resampled
    to it. Empty: scans are used at their own voxel size."""
    intensity: Intensity | None = None
    """How voxel values are normalised. Needed unless the card has `preparation`."""
    preparation: tuple[AnyPreparation, ...] = ()
    """Steps that make the network's input from the scans along the axes of `orientation`, in this
    order; they replace `intensity` and `spacing_mm`. For networks that were trained elsewhere: the
    steps repeat what was done there. Empty: scans are normalised as `intensity` and resampled as
    `spacing_mm` state."""
    empty: tuple[float, float] | None = None
    """Lowest and highest stored value of voxels that are always background: air, the zeros of a
    stripped skull, the white of a slide. Tiles that would write only such voxels are skipped.
    Empty: no tile is skipped."""
    sample: Sample | None = None
    """An input that is the same on every machine, used to check the model there."""
    reference: Reference | None = None
    """A scan with the mask that the network gave for it in its original software. Empty: nothing
    shows whether the model gives the same masks here."""

    @model_validator(mode="after")
    def _outputs_and_preparation(self) -> Self:
        values = {label.value for label in self.labels}
        if self.activation == "softmax" and (len(self.outputs) < 2 or self.outputs[0] != 0):
            raise ValueError("softmax outputs begin with 0, background")
        if not set(self.outputs) - {0} <= values:
            raise ValueError("outputs name a label value that labels do not list")
        if self.empty is not None and not self.empty[0] <= self.empty[1]:
            raise ValueError("empty needs two numbers, the lower first")
        if self.sample is not None:
            self.sample.check_files(len(self.channels))
        if self.reference and len(self.reference.scans) != len(self.requested_channels):
            raise ValueError("reference needs scans, one for each channel of a request")
        self._check_postprocessing(values)
        self._check_preparation()
        return self

    def _check_preparation(self) -> None:
        if bool(self.preparation) == (self.intensity is not None):
            raise ValueError("a card needs either intensity or preparation, not both")
        if self.preparation and self.spacing_mm is not None:
            raise ValueError("a card with preparation states its spacing in a step, resample")
        if self.preparation and self.empty is not None:
            raise ValueError("a card with preparation cannot have empty, which skips tiles")

    def _check_postprocessing(self, values: set[int]) -> None:
        rule = self.instances
        if rule and (len(self.labels) != 1 or max(rule.seed, rule.rim) >= len(self.outputs)):
            raise ValueError("instances need exactly one label, and seed and rim among the outputs")
        if rule and self.postprocessing:
            raise ValueError("postprocessing needs label values, which instances do not write")
        for step in self.postprocessing:
            if isinstance(step, LabelStep) and not set(step.labels) <= values:
                raise ValueError("postprocessing names a label value that labels do not list")

    def check_dimension(self, axes: int) -> None:
        """Raises ValueError unless all that is stated per axis fits a network of `axes` axes."""
        check_orientation(self.orientation, axes)
        if self.spacing_mm is not None and (
            len(self.spacing_mm) != axes or min(self.spacing_mm) <= 0
        ):
            raise ValueError(f"spacing_mm needs {axes} positive numbers, one for each axis")
        if self.windows is not None:
            self.windows.check_dimension(axes)
        for channel in self.channels:
            if channel.trained_on is not None:
                channel.trained_on.check_dimension(axes)
        scans = sum(not channel.label_values for channel in self.channels)
        check_steps(self.preparation, scans, axes)

    @property
    def value_rule(self) -> Intensity:
        """`intensity`; with `preparation`, values are left to its steps."""
        return self.intensity or Intensity(kind="none")

    @property
    def network_spacing_mm(self) -> tuple[float | None, ...] | None:
        """The voxel size of the network's input, per axis: of `spacing_mm` or of the last step that
        resamples. None, for an axis or for all: that of the scan."""
        steps = (step.spacing_mm for step in self.preparation if isinstance(step, Resample))
        return next(iter(reversed([*steps])), self.spacing_mm)

    @property
    def components(self) -> int:
        """Number of input channels of the network itself."""
        return sum(channel.inputs for channel in self.channels)
