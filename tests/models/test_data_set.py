"""Data sets of judged masks: what is in them, on which side, and under which names."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from models.card import ModelCard
from models.data_set.export import ExportOptions, export_data_set
from models.data_set.judged_case import JudgedScan, compiled
from models.data_set.manifest import Manifest
from models.data_set.subjects import held_out, place, subjects_of
from tests.support.cards import card as made_card
from tests.support.judged_masks import SHA256, MadeMasks, ball

HALF = ExportOptions(held_out_share=0.5)


@pytest.fixture
def card() -> ModelCard:
    return made_card("blob", 3, "t1")


def made(count: int = 12, per_subject: int = 2) -> MadeMasks:
    random, masks = np.random.default_rng(0), MadeMasks()
    for number in range(count):
        image, mask = ball(random)
        masks.add(image, mask, subject=f"patient {number // per_subject}")
    return masks


def files(folder: Path) -> set[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not path.parts[0].startswith(".")}


def test_scans_and_masks_are_written_under_pseudonyms(tmp_path: Path, card: ModelCard) -> None:
    masks = made()
    manifest = export_data_set(masks, card, {SHA256}, tmp_path, HALF)
    assert manifest == Manifest.load(tmp_path)
    manifest.check_files(tmp_path)
    listed = {path for case in manifest.cases for path in case.files}
    assert files(tmp_path) == {*listed, "manifest.json", "held-out.txt"}
    by_job = {case.job: case for case in manifest.cases}
    for judged, scans, mask in masks.entries:
        case = by_job[judged.job]
        image, label = (nib.load(tmp_path / path) for path in case.files)
        assert np.array_equal(image.get_fdata(), _values(scans["t1"]))
        assert np.array_equal(label.get_fdata(), _values(mask))
        assert image.header.get_zooms() == label.header.get_zooms() == (1.0, 1.0, 2.0)
    text = (tmp_path / "manifest.json").read_text()
    assert not any(word in text for word in ("patient", "scan 1", "subject 0"))
    assert manifest.counts["cases"] == manifest.counts["corrected"] == 12
    assert manifest.counts["subjects"] == 6


def _values(scan: Scan) -> np.ndarray:
    return scan.read(Box.whole(scan.grid))[0]


def test_a_subject_is_on_one_side_and_the_list_names_the_other(
    tmp_path: Path, card: ModelCard
) -> None:
    manifest = export_data_set(made(), card, {SHA256}, tmp_path, HALF)
    sides = {case.subject: set[str]() for case in manifest.cases}
    for case in manifest.cases:
        sides[case.subject].add(case.side)
    assert all(len(one) == 1 for one in sides.values())
    assert set.union(*sides.values()) == {"training", "held-out"}
    named = (tmp_path / "held-out.txt").read_text().split()
    assert named == [case.name for case in manifest.of_side("held-out")]


@given(
    st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3), min_size=1),
    st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3)),
    st.floats(0.05, 0.9),
)
def test_nobody_leaves_the_held_out_side(
    first: Sequence[set[str]], later: Sequence[set[str]], share: float
) -> None:
    """Neither further cases, which may join two subjects, nor a larger share do that."""
    before = [place(one) for one in subjects_of(first)]
    after = [place(one) for one in subjects_of([*first, *later])][: len(first)]
    assert all(new <= old for old, new in zip(before, after, strict=True))
    assert all(new < share for old, new in zip(before, after, strict=True) if old < share)
    subjects = subjects_of(first)
    for one, keys in zip(subjects, first, strict=True):
        assert keys <= one
        assert all(keys <= other or not keys & other for other in subjects)


def test_too_few_subjects_are_refused_with_the_share_that_would_do() -> None:
    subjects = [frozenset({name}) for name in ("anna", "ben")]
    lowest = min(map(place, subjects))
    with pytest.raises(BadRequest, match="none is held out") as refusal:
        held_out(subjects, lowest, [False, False])
    share = float(str(refusal.value).split("--held-out ")[1].split(",")[0])
    assert sum(held_out(subjects, share, [False, False])) == 1
    with pytest.raises(BadRequest, match="all are held out"):
        held_out(subjects, 0.999, [True, True])
    with pytest.raises(BadRequest, match="of the same subject"):
        held_out(subjects[:1], share, [False])


def test_what_is_known_of_a_subject_is_used_in_this_order() -> None:
    scan = JudgedScan("1", "study/sub-07_T1w.nii.gz", "f" * 64, "1.2.3", "P-1")
    assert scan.subject_key() == "patient P-1"
    assert replace(scan, subject="").subject_key() == "name 07"
    assert replace(scan, subject="", name="t1.nii").subject_key() == "series 1.2.3"
    assert replace(scan, subject="", name="", series=None).subject_key() == f"content {'f' * 64}"
    assert scan.subject_key(compiled(r"sub-(\d)")) == "name 0"
    for pattern in ("(", "sub", r"case_(\d+)"):
        with pytest.raises(BadRequest, match=r"subject-pattern"):
            scan.subject_key(compiled(pattern))


def test_the_newest_verdict_counts_and_others_are_counted(tmp_path: Path, card: ModelCard) -> None:
    masks, random = made(6, 1), np.random.default_rng(1)
    image, mask = ball(random)
    masks.add(image, mask, content="the same", judged_at=50, subject="again")
    newest = masks.add(image, mask, content="the same", judged_at=90, verdict="accepted")
    masks.add(image, mask, content="the same", judged_at=70, subject="again")
    masks.add(image, mask, sha256="b" * 64)
    masks.add(image, mask, cropped=True)
    masks.add(image, mask + 7)
    masks.entries.append((replace(newest, job="n" * 32, has_mask=False), {}, masks.entries[0][2]))
    manifest = export_data_set(masks, card, {SHA256}, tmp_path, HALF)
    assert manifest.counts["cases"] == 7
    assert [case.job for case in manifest.cases if case.verdict == "accepted"] == [newest.job]
    assert manifest.left_out == {
        "a newer verdict on the same scan": 2,
        "corrected without a mask": 1,
        "made by another network of the same name": 1,
        "only a part of the scan was segmented": 1,
        "the mask has values that are no labels of the model": 1,
    }


def test_an_interrupted_export_continues_and_a_later_one_follows(
    tmp_path: Path, card: ModelCard
) -> None:
    masks = made()

    class Stopped(Exception):
        pass

    def stop(done: int, _all: int) -> None:
        if done == 5:
            raise Stopped

    with pytest.raises(Stopped):
        export_data_set(masks, card, {SHA256}, tmp_path, HALF, stop)
    with pytest.raises(BadRequest, match="no complete data set"):
        Manifest.load(tmp_path)
    masks.opened_jobs.clear()
    first = export_data_set(masks, card, {SHA256}, tmp_path, HALF)
    assert len(masks.opened_jobs) == 7

    masks.opened_jobs.clear()
    corrected, scans, mask = masks.entries[3]
    masks.entries[3] = replace(corrected, review="another"), scans, mask
    image, more = ball(np.random.default_rng(9))
    masks.add(image, more, subject="a new patient")
    (gone, _, _) = masks.entries.pop(0)  # rejected since
    second = export_data_set(masks, card, {SHA256}, tmp_path, ExportOptions(0.01))
    assert masks.opened_jobs[0] == corrected.job
    assert len(masks.opened_jobs) == 2
    assert gone.job not in {case.job for case in second.cases}
    second.check_files(tmp_path)
    listed = {path for case in second.cases for path in case.files}
    assert files(tmp_path) == {*listed, "manifest.json", "held-out.txt"}
    sides = {case.job: case.side for case in first.cases}
    assert all(sides.get(case.job, case.side) == case.side for case in second.cases)
    assert second.held_out_share == 0.5


def test_nothing_to_export_and_a_folder_of_something_else(tmp_path: Path, card: ModelCard) -> None:
    masks = MadeMasks()
    with pytest.raises(BadRequest, match="no accepted or corrected mask of blob"):
        export_data_set(masks, card, {SHA256}, tmp_path / "a")
    image, mask = ball(np.random.default_rng(0))
    masks.add(image, mask, sha256="c" * 64)
    with pytest.raises(BadRequest, match="1: made by another network"):
        export_data_set(masks, card, {SHA256}, tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.tex").write_text("")
    with pytest.raises(BadRequest, match="is not empty"):
        export_data_set(made(), card, {SHA256}, tmp_path / "b")
    assert files(tmp_path / "b") == {"thesis.tex"}


def test_each_channel_has_a_folder_and_images_are_written_too(tmp_path: Path) -> None:
    random, masks = np.random.default_rng(0), MadeMasks()
    for number in range(6):
        image, mask = ball(random)
        two = {"t1": image, "t2": 200 - image}
        masks.add(two, mask, subject=str(number))
    card = made_card("blob", 3, "t1", "t2")
    manifest = export_data_set(masks, card, {SHA256}, tmp_path / "two", HALF)
    case = manifest.cases[0]
    assert [path.rsplit("/", 1)[0] for path in case.files] == ["images/t1", "images/t2", "labels"]
    flat = MadeMasks()
    for number in range(6):
        image, mask = ball(random)
        flat.add(image[..., 6], mask[..., 6], subject=str(number))
    card = made_card("blob", 2, "t1")
    manifest = export_data_set(flat, card, {SHA256}, tmp_path / "flat", HALF)
    label = open_scan(tmp_path / "flat" / manifest.cases[0].label)
    assert label.dimension == 2
    assert json.loads((tmp_path / "flat" / "manifest.json").read_text())["dimension"] == 2
