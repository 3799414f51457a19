"""What a client wants of an inference's result."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from imaging.errors import BadRequest

Output = Literal["", "image", "json", "all", "dicom_seg"]
_SERVED = (".nrrd", ".nii.gz", ".nii")


class Asked(BaseModel):
    """Of `params`, the fields that are heeded; clients send many more."""

    extension: str = Field(".nrrd", alias="result_extension")
    dtype: Literal["uint8", "uint16", "uint32"] = Field("uint8", alias="result_dtype")
    """The least that a NRRD's voxels are to be: numbers that do not fit get more."""
    compress: bool = Field(True, alias="result_compress")

    @field_validator("extension", mode="before")
    @classmethod
    def _dotted(cls, value: object) -> str:
        dotted = f".{str(value or '.nrrd').lstrip('.').lower()}"
        if dotted not in _SERVED:
            raise ValueError(f"one of {', '.join(_SERVED)}")
        return dotted

    @field_validator("dtype", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        return value or "uint8"

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> "Asked":
        """Raises BadRequest, naming the field."""
        try:
            return cls.model_validate(params)
        except ValidationError as error:
            fields = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
            raise BadRequest(
                f"Of `params`, what cannot be served: {fields}.",
                expected=f"result_extension: {', '.join(_SERVED)}; result_dtype: uint8, uint16 or "
                "uint32; result_compress: true or false.",
                hint="Mend these fields, or leave them out.",
            ) from error
