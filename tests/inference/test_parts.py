"""A model that is made of others gives the mask that one paints by hand from its parts' masks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadModel, JobLost, NotFound, ScanModelMismatch
from inference import session_cache
from inference.cancellation import CancelToken
from inference.device import Device
from inference.engine import Engine
from inference.model_result import ModelRecord, NetworkRecord
from inference.networks.session import Session
from inference.options import RunOptions
from inference.record_warnings import doubts_of, uncompared_of, warnings_of
from inference.run_context import RunContext
from inference.save import save
from models.coding import CodedConcept
from models.combination import Combination
from models.doubt import Doubt, DoubtKind
from models.registry import Registry
from tests.support.convolutions import network
from tests.support.instance_norm import NNUNET, instance_norm_model
from tests.support.scans import noise

FP32 = RunOptions("cpu", "fp32")
SCAN = noise((1, 30, 29, 41), (1.0, 1.0, 1.0))
ORGANS, VESSELS, WHOLE = "organs", "vessels", "whole"
PAINTED = {ORGANS: {1: 7, 2: 3}, VESSELS: {3: 300, 1: 3}}
"""Part -> its value -> the value in the whole. Value 2 of the vessels is not painted."""
NAMES = {7: "liver", 3: "aorta", 300: "vein"}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An exact network, and one that runs in windows, on the axes LPS and at another spacing."""
    folder = tmp_path / "models"
    network(folder / ORGANS, ORGANS, 8)
    instance_norm_model(
        folder / VESSELS, NNUNET | {"mirror_axes": []},
        orientation="LPS", spacing_mm=[1.3, 1.0, 0.9], intensity={"kind": "zscore"},
    )  # fmt: skip
    return Registry(folder, zoo=tmp_path / "none")


def combination(*parts: str, **facts: Any) -> Combination:
    stated = [
        {
            "model": part,
            "labels": [
                {"label": label, "value": value, "name": NAMES[value]}
                for label, value in PAINTED[part].items()
            ],
        }
        for part in parts
    ]
    return Combination.model_validate(
        {"name": WHOLE, "version": "2", "title": "all", "parts": stated} | facts
    )


def by_hand(masks: dict[str, NDArray[Any]], order: list[str]) -> NDArray[Any]:
    """Voxel by voxel, as one would describe it."""
    whole = np.zeros(SCAN.grid, np.int64)
    for part in order:
        for label, value in PAINTED[part].items():
            whole[masks[part] == label] = value
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("order", [[ORGANS, VESSELS], [VESSELS, ORGANS]])
def test_the_mask_is_painted_from_the_masks_of_the_parts(
    registry: Registry, order: list[str], tmp_path: Path
) -> None:
    engine, seen = Engine(registry), list[tuple[int, int]]()
    model = registry.add_combination(combination(*order))
    context = RunContext(lambda *at: seen.append(at))
    result = engine.run({"image": SCAN}, model, FP32, context)
    alone = {name: engine.run({"image": SCAN}, registry.get(name), FP32).mask for name in order}
    expected, other = by_hand(alone, order), by_hand(alone, order[::-1])
    assert (expected != other).sum() > 1000
    assert set(np.unique(expected)) == {0, 3, 7, 300}
    np.testing.assert_array_equal(result.mask, expected)

    shares = [done / total for done, total in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)

    report = save(result, SCAN, tmp_path / "out").report
    assert report["model"] == {"name": WHOLE, "version": "2", "sha256": model.card.checksum}
    assert report["tiling"] == {"kind": "parts", "tiles": result.record.tiles}
    assert [part["model"] for part in report["parts"]] == [
        {"name": part.card.name, "version": "1", "sha256": part.card.checksum}
        for part in model.parts
    ]
    assert [part["precision"] for part in report["parts"]] == ["fp32", "fp32"]
    assert {part["tiling"]["kind"] for part in report["parts"]} == {"exact", "windows"}
    measured = {row["name"]: row["voxels"] for row in report["measurements"]["labels"]}
    assert measured == {name: (expected == value).sum() for value, name in NAMES.items()}


def test_the_whole_has_the_facts_of_its_parts(registry: Registry) -> None:
    organs = registry.network(ORGANS)
    code = CodedConcept(value="10200004", scheme="SCT", meaning="Liver")
    labels = (organs.card.labels[0].model_copy(update={"code": code}), organs.card.labels[1])
    organs.card.model_copy(update={"labels": labels}).save(organs.folder / "card.json")
    model = registry.add_combination(combination(ORGANS, VESSELS))
    assert registry.get(WHOLE) == model
    assert [one.card.name for one in registry.all()] == [ORGANS, VESSELS, WHOLE]
    card = model.card
    assert [(label.value, label.name) for label in card.labels] == sorted(NAMES.items())
    assert len({label.color for label in card.labels}) == 3
    assert [channel.name for channel in card.requested_channels] == ["image"]
    assert (card.dimension, card.exact, card.minimum) == (3, False, (1, 1, 1))
    assert card.licence == "Apache-2.0; none"
    segments = {segment.number: segment for segment in card.mask_description().segments}
    assert {number: segment.name for number, segment in segments.items()} == NAMES
    assert segments[7].type == code.code


def test_the_checksum_is_that_of_all_parts_and_of_what_is_painted(registry: Registry) -> None:
    one = registry.combined(combination(ORGANS, VESSELS)).card.checksum
    same = registry.combined(combination(ORGANS, VESSELS, title="x", version="9")).card.checksum
    assert same == one
    others = [
        registry.combined(combination(VESSELS, ORGANS)),
        registry.combined(combination(ORGANS)),
    ]
    organs = registry.network(ORGANS)
    changed = organs.card.model_copy(update={"sha256": "0" * 64})
    changed.save(organs.folder / "card.json")
    others.append(registry.combined(combination(ORGANS, VESSELS)))
    assert len({one, *(other.card.checksum for other in others)}) == 4


def test_a_worker_with_another_part_refuses_the_job(registry: Registry, tmp_path: Path) -> None:
    wanted = registry.add_combination(combination(ORGANS, VESSELS)).card.checksum
    vessels = registry.network(VESSELS)
    vessels.card.model_copy(update={"sha256": "1" * 64}).save(vessels.folder / "card.json")
    with pytest.raises(BadModel, match="has the checksum"):
        Engine(registry).segment({}, WHOLE, tmp_path / "out", FP32, sha256=wanted)


def test_a_part_that_is_missing(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    registry.add_combination(combination(ORGANS, VESSELS))
    registry.network(VESSELS).folder.rename(registry.network(VESSELS).folder.parent / ".gone")
    with pytest.raises(BadModel, match="whole needs the model vessels, which is not available"):
        registry.get(WHOLE)
    assert [model.card.name for model in registry.all()] == [ORGANS]
    assert "needs the model vessels" in caplog.text
    with pytest.raises(NotFound):
        registry.get("other")


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"channels": [{"name": "ct"}]}, "first channel of vessels is ct"),
        ({"dimension": 2}, "2D scans"),
        ({"labels": [{"value": n, "name": "x", "color": "#ff0000"} for n in (1, 2)],
          "outputs": [0, 1, 2, 2]}, "vessels has no label 3"),
        ({"channels": [{"name": "image", "components": 3}]}, "another kind of scan"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(
    registry: Registry, facts: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    stated = registry.network(VESSELS).card.model_dump(exclude_defaults=True)
    if facts.get("dimension") == 2:
        for field in ("halo", "align", "minimum", "spacing_mm", "windows", "orientation"):
            stated.pop(field, None)
        facts = facts | {"halo": [0, 0], "align": [1, 1], "minimum": [1, 1]}
    folder = tmp_path / "models" / VESSELS
    type(registry.network(VESSELS).card).model_validate(stated | facts).save(folder / "card.json")
    with pytest.raises(BadModel, match=problem):
        registry.combined(combination(ORGANS, VESSELS))


def test_one_value_with_two_names_and_parts_of_parts(registry: Registry) -> None:
    stated = combination(ORGANS, VESSELS).model_dump(mode="json")
    stated["parts"][1]["labels"][1]["name"] = "vena cava"
    with pytest.raises(BadModel, match="the value 3 is named aorta and vena cava"):
        registry.combined(Combination.model_validate(stated))
    registry.add_combination(combination(ORGANS, VESSELS))
    part = {"model": WHOLE, "labels": [{"label": 7, "value": 7}]}
    with pytest.raises(BadModel, match="whole is made of other models"):
        registry.combined(Combination(name="more", version="1", title="x", parts=(part,)))


def test_scans_of_other_channels_are_refused(registry: Registry) -> None:
    model = registry.combined(combination(ORGANS, VESSELS))
    with pytest.raises(ScanModelMismatch, match="a scan for each of: image"):
        Engine(registry).run({"ct": SCAN}, model, FP32)


def test_two_parts_are_never_loaded_together_where_memory_is_short(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted when a network is loaded and when it is collected."""
    import gc
    import weakref

    alive, most, loads = set[int](), list[int](), list[str]()

    class Counted(Session):
        def __init__(self, network: Path, *told: Any) -> None:
            gc.collect()
            loads.append(network.parent.name)
            super().__init__(network, *told)
            alive.add(id(self))
            most.append(len(alive))
            weakref.finalize(self, alive.discard, id(self))

    monkeypatch.setattr(session_cache, "Session", Counted)
    model = registry.combined(combination(ORGANS, VESSELS))
    small = Engine(registry, model_bytes=0)
    first = small.run({"image": SCAN}, model, FP32).mask
    assert (loads, max(most)) == ([ORGANS, VESSELS], 1)
    roomy = Engine(registry)
    for _ in range(2):
        np.testing.assert_array_equal(roomy.run({"image": SCAN}, model, FP32).mask, first)
    assert loads[2:] == [ORGANS, VESSELS]


def test_a_cancelled_run_ends_between_its_parts(registry: Registry) -> None:
    token, seen = CancelToken(), list[float]()

    def on_tile(done: int, total: int) -> None:
        seen.append(done / total)
        if done / total == 0.5:  # the first part is done
            token.cancel()

    model = registry.combined(combination(ORGANS, VESSELS))
    with pytest.raises(JobLost):
        Engine(registry).run({"image": SCAN}, model, FP32, RunContext(on_tile, token))
    assert max(seen) == 0.5


def test_a_given_mask_crops_all_parts(registry: Registry, tmp_path: Path) -> None:
    import nibabel as nib

    registry.add_combination(combination(ORGANS, VESSELS))
    values = SCAN.read(Box.whole(SCAN.grid))[0]
    given = np.zeros(SCAN.grid, np.uint8)
    given[8:20, 9:21, 10:30] = 1
    for name, array in (("scan", values), ("mask", given)):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / f"{name}.nii")
    scans = {"image": tmp_path / "scan.nii", "mask": tmp_path / "mask.nii"}
    output = Engine(registry).segment(
        scans, WHOLE, tmp_path / "out", RunOptions("cpu", "fp32", mask="crop", margin_mm=2)
    )
    assert output.report["box"] == [[6, 7, 8], [22, 23, 32]]
    mask = np.asarray(nib.load(output.mask).dataobj)
    inside = mask[6:22, 7:23, 8:32]
    assert (inside > 0).any()
    assert (mask > 0).sum() == (inside > 0).sum()


def test_a_warning_names_the_part_that_it_is_about(registry: Registry) -> None:
    def record(name: str, *warnings: str) -> ModelRecord:
        network = NetworkRecord(Device("cpu", "fp32"), (), {}, warnings)  # type: ignore[arg-type]
        return ModelRecord(registry.get(name).card, network)

    parts = (record(ORGANS, "no unit"), record(VESSELS, "no unit", "another scanner"))
    card = registry.combined(combination(ORGANS, VESSELS)).card
    whole = ModelRecord(card, parts=parts, notes=("cropped",))
    one_pass = "vessels: This network is not exact; it ran in one pass."
    own = ("cropped", "no unit", "vessels: another scanner", one_pass)
    assert warnings_of(whole) == own
    found = replace(whole, coarse=record(ORGANS, "no unit", "too small"))
    assert warnings_of(found) == (*own, "organs: too small")


def test_a_doubt_names_the_part_that_it_is_about(registry: Registry) -> None:
    small, unknown = (Doubt(DoubtKind.EXTENT, text) for text in ("Too small.", "Unknown."))

    def record(name: str, *doubts: Doubt) -> ModelRecord:
        network = NetworkRecord(
            *(Device("cpu", "fp32"), (), {}),  # type: ignore[arg-type]
            doubts=doubts,
            uncompared=tuple(doubt.text for doubt in doubts),
        )
        return ModelRecord(registry.get(name).card, network)

    card = registry.combined(combination(ORGANS, VESSELS)).card
    parts = (record(ORGANS, unknown), record(VESSELS, unknown, small))
    expected = (unknown, Doubt(DoubtKind.EXTENT, "vessels: Too small."))
    assert doubts_of(ModelRecord(card, parts=parts)) == expected
    assert uncompared_of(ModelRecord(card, parts=parts)) == ("Unknown.", "vessels: Too small.")
