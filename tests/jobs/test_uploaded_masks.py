"""Jobs that hold uploaded masks in a repository, on both databases."""

from dataclasses import replace

import pytest

from imaging.errors import NotFound
from jobs.job import UPLOADED_MASK, Job, JobState, Options
from jobs.repository import Repository
from tests.support.rows import make_job

KEY = f"{UPLOADED_MASK} scan {'d' * 64}"
REPORT = {"warnings": ["It was uploaded."]}


def uploaded(name: str) -> Job:
    return make_job(
        name,
        model=UPLOADED_MASK,
        model_sha256="",
        state=JobState.SUCCEEDED,
        mask_sha256="d" * 64,
        mask_format="nifti",
    )


def test_a_mask_is_stored_once_whatever_the_options_of_its_version(stocked: Repository) -> None:
    named = replace(uploaded("a"), uploaded_name="seg.nii", uploaded_by="R1")
    first, created = stocked.uploaded_masks.add(named, KEY, REPORT)
    assert (first.id, created) == ("a", True)
    ((listed,), _) = stocked.worklist.page("ada")
    assert (listed.uploaded_name, listed.uploaded_by) == ("seg.nii", "R1")
    assert stocked.worklist.listed(["a"])["a"].warnings == 1
    later = replace(uploaded("b"), options=Options(precision="fp32"))
    again, created = stocked.uploaded_masks.add(later, KEY, REPORT)
    assert (again.id, created) == ("a", False)
    assert stocked.worklist.counts("ada").total == 1


def test_a_mask_of_a_scan_that_is_not_there(stocked: Repository) -> None:
    with pytest.raises(NotFound):
        stocked.uploaded_masks.add(replace(uploaded("a"), project="bob"), KEY, REPORT)
    stocked.uploaded_masks.add(uploaded("a"), KEY, REPORT)
    stocked.scans.delete("ada", "scan")
    with pytest.raises(NotFound):
        stocked.uploaded_masks.add(uploaded("b"), KEY, REPORT)
    assert stocked.worklist.counts("ada").total == 0
