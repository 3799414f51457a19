"""Damaged files of every format: read, or refused with an error of Tessera's; nothing else.

`python -m benchmarks.fuzz` does the same for as long as one likes.
"""

from random import Random

import pytest

from benchmarks.fuzz import read
from benchmarks.fuzz_seeds import seeds
from benchmarks.mutate import mutated
from imaging.formats.registry import SCAN_FORMATS, names

FILES = 12


@pytest.fixture(scope="module")
def originals() -> dict[str, list[bytes]]:
    return seeds()


def test_every_format_has_files_to_damage(originals: dict[str, list[bytes]]) -> None:
    assert set(originals) == {*names(SCAN_FORMATS), "archives"}


@pytest.mark.parametrize("name", [*names(SCAN_FORMATS), "archives"])
def test_damage_is_refused(originals: dict[str, list[bytes]], name: str) -> None:
    random = Random(name)
    assert read(originals[name][0]) == "read"
    for _ in range(FILES):
        outcome = read(mutated(random.choice(originals[name]), name, random))
        assert not outcome.startswith("finding"), outcome
