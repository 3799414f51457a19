"""What labels mean, as codes that other systems know (DICOM PS3.3 8.8, PS3.16)."""

import re
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from imaging.mask_description import Code

_VALUE_CHARACTERS = 16
_MEANING_CHARACTERS = 64
PRIVATE = "99TESSERA"
"""The coding scheme of labels that bear no code; schemes that begin with 99 are private (8.2)."""
_NO_CONTROL = r"^[^\x00-\x1f\x7f\\]+$"


class CodedConcept(BaseModel):
    """A coded concept, such as 10200004, SCT, Liver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Annotated[str, Field(max_length=_VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    scheme: Annotated[str, Field(max_length=_VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    """SCT (SNOMED CT), DCM, FMA, ...: PS3.16 8."""
    meaning: Annotated[str, Field(max_length=_MEANING_CHARACTERS, pattern=_NO_CONTROL)]

    @property
    def code(self) -> Code:
        return Code(self.value, self.scheme, self.meaning)


STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
"""The category of a label that names none."""


def private_code(name: str) -> Code:
    """A code of our own for a label of that name: the same for the same name, everywhere."""
    meaning = re.sub(r"[\x00-\x1f\x7f\\]+", " ", name).strip() or "label"
    slug = re.sub(r"[^a-z0-9]+", "-", meaning.lower()).strip("-")
    if slug != name or len(slug) > _VALUE_CHARACTERS:
        mark = sha256(name.encode()).hexdigest()[:6]
        slug = f"{slug[: _VALUE_CHARACTERS - 7]}-{mark}".lstrip("-")
    return Code(slug, PRIVATE, meaning[:_MEANING_CHARACTERS])
