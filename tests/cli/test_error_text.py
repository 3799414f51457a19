"""How commands print errors."""

import pytest

from cli.error_text import parts_of, print_error
from imaging.errors import BadRequest


def test_each_part_of_an_error_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    whole = BadRequest("No such user.", expected="A login name.", hint="List the users.")
    print_error(whole, "a.nii")
    print_error(BadRequest("Nothing fits.", hint="Choose."))
    assert capsys.readouterr().err.splitlines() == [
        "Error: a.nii: No such user.",
        "  Expected: A login name.",
        "  What to do: List the users.",
        "Error: Nothing fits.",
        "  What to do: Choose.",
    ]
    assert parts_of(OSError("full")) == ["full"]
