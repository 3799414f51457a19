"""The settings and their reference."""

import pytest

from imaging.errors import BadRequest
from jobs.settings import SECTIONS, Settings
from jobs.settings.names import refuse_unknown
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


def test_lists_of_names_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validators of one section must not replace those of another."""
    lists = [
        name for name, field in Settings.model_fields.items() if isinstance(field.default, tuple)
    ]
    assert set(lists) == {
        "allowed_hosts",
        "allowed_origins",
        "dicom_allowed_callers",
        "oidc_scopes",
        "trusted_proxies",
    }
    for name in lists:
        monkeypatch.setenv(f"TESSERA_{name.upper()}", " one , two,")
    settings = Settings()
    assert [getattr(settings, name) for name in lists] == [("one", "two")] * len(lists)


def test_a_setting_that_does_not_exist_is_refused_with_its_likely_name() -> None:
    refuse_unknown(["TESSERA_DATA", "TESSERA_TEST_DATA", "HOME"])
    with pytest.raises(BadRequest) as error:
        refuse_unknown(["TESSERA_DATA", "TESSERA_UPLOAD_BYTES"])
    assert "TESSERA_UPLOAD_BYTES" in error.value.detail
    assert "TESSERA_MAX_UPLOAD_BYTES" in error.value.expected
