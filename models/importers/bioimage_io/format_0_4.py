"""Descriptions of format 0.4, whose steps are put in the words of format 0.5. Torch-free."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from models.importers.bioimage_io.description import (
    Architecture,
    Axis,
    Description,
    File,
    Step,
    TensorDescription,
    Tolerance,
    Weights,
)
from models.importers.bioimage_io.parts import (
    KWARGS,
    ModelTexts,
    Part,
    StatedTolerance,
    checked_axes,
    only,
    positive,
    role_of,
)
from models.importers.bioimage_io.refusals import damaged, unsupported


class _Step(Part):
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict, validation_alias=KWARGS)

    def described(self, axes: str) -> Step:
        """The step in the words of format 0.5; `axes`: the letters of the tensor's axes. Raises
        BadModel where it needs figures that the package does not contain."""
        arguments = dict(self.arguments)
        joint = arguments.pop("axes", None)
        mode = arguments.pop("mode", "fixed" if self.name == "zero_mean_unit_variance" else None)
        if mode == "per_dataset":
            raise unsupported(
                f"The step {self.name} has the mode per_dataset: its figures are those of a data "
                "set that the package does not contain.",
                "The mode per_sample, or fixed with stated figures.",
            )
        if mode == "fixed":
            return Step("fixed_zero_mean_unit_variance", arguments | self._along(axes, joint))
        if self.name == "scale_linear":
            return Step(self.name, arguments | self._along(axes, joint))
        return Step(self.name, arguments | ({} if joint is None else {"axes": [*joint]}))

    def _along(self, axes: str, joint: str | None) -> dict[str, str]:
        """The axis along which the arguments are listed: the one that `joint` leaves out."""
        other = [axis for axis in axes if axis != "b" and joint is not None and axis not in joint]
        if len(other) > 1:
            raise damaged(f"axes {joint} of the step {self.name} leaves out several axes.")
        return {"axis": other[0]} if other else {}


class _ParametrisedShape(Part):
    min: tuple[int, ...]
    step: tuple[int, ...]

    def sizes(self) -> list[int | None]:
        pairs = zip(self.min, self.step, strict=False)
        return [None if step else positive(least) for least, step in pairs]


class _ImplicitShape(Part):
    reference_tensor: str
    scale: tuple[float | None, ...]
    offset: tuple[float, ...]

    def sizes(self) -> list[int | None]:
        pairs = zip(self.scale, self.offset, strict=False)
        return [None if scale else positive(int(2 * offset)) for scale, offset in pairs]


class _Tensor(Part):
    name: str
    axes: str
    data_type: str = "float32"
    shape: tuple[int, ...] | _ParametrisedShape | _ImplicitShape
    halo: tuple[int, ...] = ()
    preprocessing: tuple[_Step, ...] = ()
    postprocessing: tuple[_Step, ...] = ()

    def described(self, test: File | None, *, is_input: bool) -> TensorDescription:
        """The tensor, with its test tensor. Raises BadModel where it contradicts itself."""
        sizes = list(self.shape) if isinstance(self.shape, tuple) else self.shape.sizes()
        halo = self.halo or (0,) * len(self.axes)
        if not len(sizes) == len(halo) == len(self.axes):
            raise damaged(f"The tensor {self.name} has axes, shape and halo of different lengths.")
        axes = tuple(
            Axis(letter, role_of(letter, self.name), size, halo=margin)
            for letter, size, margin in zip(self.axes, sizes, halo, strict=True)
        )
        steps = [one.described(self.axes) for one in (*self.preprocessing, *self.postprocessing)]
        if is_input:
            steps.insert(0, Step("ensure_dtype", {"dtype": self.data_type}))
        return TensorDescription(
            self.name, checked_axes(axes, self.name), self.data_type, tuple(steps), test
        )


class _Weights(Part):
    source: str
    sha256: str | None = None
    architecture: str | None = None
    architecture_sha256: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict, validation_alias=KWARGS)

    def described(self, kind: str) -> Weights:
        return Weights(kind, File(self.source, self.sha256), architecture=self._architecture())

    def _architecture(self) -> Architecture | None:
        """`file.py:Network` or `package.module.Network`."""
        if self.architecture is None:
            return None
        source, _, name = self.architecture.rpartition(":")
        if source:
            return Architecture(name, "", File(source, self.architecture_sha256), self.arguments)
        module, _, name = self.architecture.rpartition(".")
        return Architecture(name, module, None, self.arguments)


class _Bioimageio(Part):
    test_kwargs: dict[str, StatedTolerance] = Field(default_factory=dict)


class _Config(Part):
    bioimageio: _Bioimageio = _Bioimageio()


class _Model(ModelTexts):
    inputs: list[_Tensor]
    outputs: list[_Tensor]
    test_inputs: list[str] = Field(default_factory=list)
    test_outputs: list[str] = Field(default_factory=list)
    weights: dict[str, _Weights | None]
    config: _Config = _Config()


def described(content: Mapping[str, Any]) -> Description:
    """Raises ValidationError where it is not valid, BadModel where it has other axes or tensors."""
    model = _Model.model_validate(content)
    weights = tuple(one.described(kind) for kind, one in model.weights.items() if one)
    stated = model.config.bioimageio.test_kwargs
    return Description(
        model.texts(),
        only(model.inputs, "input").described(_first(model.test_inputs), is_input=True),
        only(model.outputs, "output").described(_first(model.test_outputs), is_input=False),
        weights,
        {
            one.format: stated[one.format].tolerance() if one.format in stated else Tolerance()
            for one in weights
        },
    )


def _first(sources: list[str]) -> File | None:
    return File(sources[0]) if sources else None
