"""Coded concepts for labels, which other systems understand (DICOM PS3.3 8.8, PS3.16)."""

from typing import Annotated

from pydantic import Field

from imaging.frozen_model import FrozenModel
from imaging.label_codes import MEANING_CHARACTERS, VALUE_CHARACTERS
from imaging.mask_description import Code

_NO_CONTROL = r"^[^\x00-\x1f\x7f\\]+$"


class CodedConcept(FrozenModel):
    """A coded concept, such as 10200004, SCT, Liver."""

    value: Annotated[str, Field(max_length=VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    """Code value, at most 16 characters."""
    scheme: Annotated[str, Field(max_length=VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    """Coding scheme: SCT (SNOMED CT), DCM, FMA, ... (PS3.16 section 8)."""
    meaning: Annotated[str, Field(max_length=MEANING_CHARACTERS, pattern=_NO_CONTROL)]
    """Code meaning, at most 64 characters."""

    @property
    def code(self) -> Code:
        """The same as a plain dataclass, for `imaging`."""
        return Code(self.value, self.scheme, self.meaning)
