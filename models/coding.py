"""Coded concepts for labels, which other systems understand (DICOM PS3.3 8.8, PS3.16)."""

import re
from hashlib import sha256
from typing import Annotated

from pydantic import Field

from imaging.frozen_model import FrozenModel
from imaging.mask_description import Code

_VALUE_CHARACTERS = 16
_MEANING_CHARACTERS = 64
PRIVATE = "99TESSERA"
"""Coding scheme of labels without a code; schemes that begin with 99 are private (PS3.3 8.2)."""
_NO_CONTROL = r"^[^\x00-\x1f\x7f\\]+$"


class CodedConcept(FrozenModel):
    """A coded concept, such as 10200004, SCT, Liver."""

    value: Annotated[str, Field(max_length=_VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    """Code value, at most 16 characters."""
    scheme: Annotated[str, Field(max_length=_VALUE_CHARACTERS, pattern=_NO_CONTROL)]
    """Coding scheme: SCT (SNOMED CT), DCM, FMA, ... (PS3.16 section 8)."""
    meaning: Annotated[str, Field(max_length=_MEANING_CHARACTERS, pattern=_NO_CONTROL)]
    """Code meaning, at most 64 characters."""

    @property
    def code(self) -> Code:
        """The same as a plain dataclass, for `imaging`."""
        return Code(self.value, self.scheme, self.meaning)


STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")
"""Category of a label that states none."""


def private_code(name: str) -> Code:
    """A private code for a label of that name; the same name always gives the same code."""
    meaning = re.sub(r"[\x00-\x1f\x7f\\]+", " ", name).strip() or "label"
    slug = re.sub(r"[^a-z0-9]+", "-", meaning.lower()).strip("-")
    if slug != name or len(slug) > _VALUE_CHARACTERS:
        mark = sha256(name.encode()).hexdigest()[:6]
        slug = f"{slug[: _VALUE_CHARACTERS - 7]}-{mark}".lstrip("-")
    return Code(slug, PRIVATE, meaning[:_MEANING_CHARACTERS])
