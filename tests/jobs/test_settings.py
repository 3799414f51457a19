"""The settings and their reference."""

from jobs.settings import SECTIONS, Settings
from jobs.settings.reference import settings_reference


def test_every_setting_is_in_one_section_and_has_a_description() -> None:
    names = [name for section in SECTIONS for name in section.model_fields]
    assert sorted(names) == sorted(Settings.model_fields)
    assert len(names) == len(set(names))
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_the_reference_lists_every_setting_once() -> None:
    lines = settings_reference().splitlines()
    variables = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert sorted(variables) == sorted(f"TESSERA_{name.upper()}" for name in Settings.model_fields)
    assert "| `TESSERA_MAX_UPLOAD_BYTES` | `4294967296` (4 GiB) |" in settings_reference()
    assert [line for line in lines if line.startswith("## ")] == [
        f"## {section.__doc__}" for section in SECTIONS
    ]
