"""plans.json: what nnU-Net decided for a data set. Torch-free.

Two generations exist. Since 2.4 a configuration describes its network by a class and its arguments
(`architecture`); before, by `UNet_class_name` and numbers. Both become the former.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from imaging.errors import BadRequest
from models.importers.nnunet.refusals import damaged, unsupported

Parsed = TypeVar("Parsed", bound=BaseModel)
UNETS = ("PlainConvUNet", "ResidualEncoderUNet")


class _Facts(BaseModel):
    """Fields that the importer reads; a source has many more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Architecture(_Facts):
    """A network's class and its arguments; those in `imported` are names of classes."""

    network_class_name: str
    arch_kwargs: dict[str, Any]
    imported: tuple[str, ...] = Field((), validation_alias="_kw_requires_import")


class Configuration(_Facts):
    """One way to segment the data set, such as 3d_fullres."""

    patch_size: tuple[int, ...]
    spacing: tuple[float, ...]
    normalization_schemes: tuple[str, ...]
    use_mask_for_norm: tuple[bool, ...]
    preprocessor_name: str = "DefaultPreprocessor"
    resampling_fn_data: str
    resampling_fn_data_kwargs: dict[str, Any] = Field(default_factory=dict)
    resampling_fn_probabilities: str
    resampling_fn_probabilities_kwargs: dict[str, Any] = Field(default_factory=dict)
    architecture: Architecture
    previous_stage: str | None = None

    @property
    def axes(self) -> int:
        """Spatial axes of the network."""
        return len(self.patch_size)


class Plans(_Facts):
    """The parts of plans.json that inference needs."""

    dataset_name: str
    image_reader_writer: str
    transpose_forward: tuple[int, ...]
    label_manager: str = "LabelManager"
    original_median_shape_after_transp: tuple[float, ...] = ()
    intensities: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        validation_alias=AliasChoices(
            "foreground_intensity_properties_per_channel",
            "foreground_intensity_properties_by_modality",
        ),
    )
    configurations: dict[str, dict[str, Any]]

    @property
    def images(self) -> bool:
        """Whether the data set consists of 2D images, which nnU-Net reads as one slice."""
        return self.image_reader_writer == "NaturalImage2DIO" or (
            self.original_median_shape_after_transp[:1] == (1.0,) and len(self.configurations) == 1
        )

    def configuration(self, name: str) -> Configuration:
        """A configuration, complete with what it inherits; raises BadRequest or BadModel."""
        if name not in self.configurations:
            raise BadRequest(
                f"The plans have no configuration {name}.",
                expected=f"One of: {', '.join(self.configurations)}.",
                hint="Choose one with --configuration.",
            )
        fields = self._inherited(name)
        if "architecture" not in fields:
            fields = {**fields, "architecture": _from_old(fields, name)}
        return _parsed(Configuration, fields, f"The configuration {name} of plans.json")

    def _inherited(self, name: str) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        seen: list[str] = []
        while name not in seen and name in self.configurations:
            seen.append(name)
            fields = {**self.configurations[name], **fields}
            name = str(self.configurations[name].get("inherits_from", name))
        if name != seen[-1]:
            raise damaged(f"The configuration {seen[0]} inherits from {name}, which leads nowhere.")
        return fields


def parse_plans(content: Any) -> Plans:
    """The content of plans.json; raises BadModel, which names the field that does not fit."""
    return _parsed(Plans, content, "plans.json")


def _parsed(kind: type[Parsed], content: Any, what: str) -> Parsed:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "its content"
        raise damaged(f"{what} is not valid at {place}: {fault['msg']}.") from error


def _from_old(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The description of a network in plans from before nnU-Net 2.4."""
    kind = fields.get("UNet_class_name")
    if kind not in UNETS:
        raise unsupported(f"the network {kind}", f"One of: {', '.join(UNETS)}.")
    try:
        axes = len(fields["patch_size"])
        stages = len(fields["n_conv_per_stage_encoder"])
        base, most = fields["UNet_base_num_features"], fields["unet_max_num_features"]
        blocks = "n_conv_per_stage" if kind == "PlainConvUNet" else "n_blocks_per_stage"
        arguments = {
            "n_stages": stages,
            "features_per_stage": [min(base * 2**stage, most) for stage in range(stages)],
            "conv_op": f"torch.nn.Conv{axes}d",
            "kernel_sizes": fields["conv_kernel_sizes"],
            "strides": fields["pool_op_kernel_sizes"],
            blocks: fields["n_conv_per_stage_encoder"],
            "n_conv_per_stage_decoder": fields["n_conv_per_stage_decoder"],
            "conv_bias": True,
            "norm_op": f"torch.nn.InstanceNorm{axes}d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        }
    except (KeyError, TypeError) as error:
        raise damaged(f"The configuration {name} of plans.json lacks {error}.") from error
    return {
        "network_class_name": kind,
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
