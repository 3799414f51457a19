"""What a card's labels mean: codes of the standard, or our own."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydicom.sr._concepts_dict import concepts

from imaging.label_codes import PRIVATE, STRUCTURE, private_code
from models.card_parts import Label
from models.registry import Registry

ZOO = {model.card.name: model.card for model in Registry().all()}


@pytest.mark.parametrize("name", ZOO)
def test_the_zoos_codes_are_the_standards(name: str) -> None:
    """Each is in PS3.16, as pydicom has it, with that meaning, or bears our own scheme."""
    description = ZOO[name].mask_description()
    assert (description.algorithm, description.version) == (name, ZOO[name].version)
    assert [segment.number for segment in description.segments] == [
        n.value for n in ZOO[name].labels
    ]
    for segment in description.segments:
        for code in (segment.type, segment.category, segment.modifier):
            if code is None or code == STRUCTURE or code.scheme == PRIVATE:
                continue
            tables: Any = concepts[code.scheme].values()
            known = [table[code.value][0] for table in tables if code.value in table]
            assert code.meaning in known


def test_what_the_zoo_says_of_its_labels() -> None:
    anterior, posterior = ZOO["hippocampus-mri-3d"].mask_description().segments
    assert anterior.type == posterior.type
    assert anterior.type.meaning == "Hippocampus"
    assert (anterior.modifier.meaning, posterior.modifier.meaning) == ("Anterior", "Posterior")
    assert ZOO["nuclei-2d"].mask_description().instances
    (membrane,) = ZOO["em-membrane-2d"].mask_description().segments
    assert membrane.type.scheme == PRIVATE


@pytest.mark.slow
@given(st.text(max_size=100))
def test_a_private_code_fits_its_value_representation(name: str) -> None:
    """VR SH holds 16 characters, LO 64, neither control characters nor a backslash (PS3.5, 6.2)."""
    code = private_code(name)
    assert code == private_code(name)
    assert 1 <= len(code.value) <= 16
    assert code.value.isascii()
    assert 1 <= len(code.meaning) <= 64
    assert not set(code.meaning) & {"\\", "\n", "\r", "\x00"}


def test_private_codes_tell_names_apart() -> None:
    names = [
        "Lesion",
        "lesion",
        "lesion!",
        "le sion",
        "a very long name 1",
        "a very long name 2",
        "肝",
        "胃",
    ]
    assert len({private_code(name).value for name in names}) == len(names)
    assert private_code("lesion").value == "lesion"


@pytest.mark.parametrize(
    "code",
    [
        {"value": "1" * 17, "scheme": "SCT", "meaning": "x"},
        {"value": "1", "scheme": "SCT", "meaning": "x\\y"},
        {"value": "1", "scheme": "SCT"},
        {"value": "", "scheme": "SCT", "meaning": "x"},
        {"value": "1", "scheme": "SCT", "meaning": "x", "version": "3"},
    ],
)
def test_codes_that_dicom_cannot_hold_are_refused(code: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Label.model_validate({"value": 1, "name": "a", "color": "#000000", "code": code})
