"""The parameters of an inference that this service supports."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from imaging.errors import BadRequest

Output = Literal["", "image", "json", "all", "dicom_seg"]
_EXTENSIONS = (".nrrd", ".nii.gz", ".nii")


class InferParams(BaseModel):
    """The supported fields of `params`; clients send many others."""

    extension: str = Field(".nrrd", alias="result_extension")
    dtype: Literal["uint8", "uint16", "uint32"] = Field("uint8", alias="result_dtype")
    """The smallest data type of an NRRD's voxels; larger label numbers get a larger one."""
    compress: bool = Field(True, alias="result_compress")

    @field_validator("extension", mode="before")
    @classmethod
    def _extension(cls, value: object) -> object:
        extension = f".{str(value or '.nrrd').lstrip('.').lower()}"
        if extension not in _EXTENSIONS:
            raise ValueError(f"one of {', '.join(_EXTENSIONS)}")
        return extension

    @field_validator("dtype", mode="before")
    @classmethod
    def _dtype(cls, value: object) -> object:
        return value or "uint8"

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> "InferParams":
        """Raises BadRequest that names the wrong fields."""
        try:
            return cls.model_validate(params)
        except ValidationError as error:
            fields = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
            raise BadRequest(
                f"These fields of `params` have values that are not supported: {fields}.",
                expected=f"result_extension: {', '.join(_EXTENSIONS)}; result_dtype: uint8, "
                "uint16 or uint32; result_compress: true or false.",
                hint="Correct these fields, or omit them.",
            ) from error
