"""Damaged files of every format, uploaded in every way: accepted, or refused with a problem.

`python -m benchmarks.fuzz --http` does the same for as long as one likes.
"""

from collections import Counter
from random import Random

import pytest

from benchmarks.fuzz_http import Target
from benchmarks.fuzz_seeds import seeds
from benchmarks.fuzz_upload import damaged_upload
from tests.support.gateway import Gateway

UPLOADS = 60


@pytest.mark.slow
def test_damaged_uploads(gateway: Gateway) -> None:
    originals, random, answers = seeds(), Random(0), Counter[str]()
    target = Target(gateway, answers)
    for _ in range(UPLOADS):
        target.try_everything(damaged_upload(originals, random.choice(sorted(originals)), random))
    assert {"200", "201", "202", "204", "422"} <= answers.keys()
