"""OME-Zarr files that hold several scans, and the units of their axes; written by zarr itself."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import ScanTooLarge, SeveralScans, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.ome_zarr.parts import extract_ome_zarr, ome_zarr_parts
from imaging.formats.ome_zarr.store import CheckedStore
from imaging.formats.sniff import open_scan, verify

LIMITS = Limits()
KINDS = {"t": "time", "c": "channel"}


def image(
    folder: Path,
    values: NDArray[Any],
    axes: str,
    *,
    version: str = "0.4",
    units: tuple[str | None, ...] | str | None = "micrometer",
    scale: list[float] | None = None,
    colours: tuple[str, ...] = (),
    **options: Any,
) -> Path:
    """An OME-Zarr; `units` of the spatial axes: one, or one for each."""
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, **options)
    array[...] = values
    spatial = [name for name in axes if name not in KINDS]
    named = units if isinstance(units, tuple) else (units,) * len(spatial)
    unit_of = {n: unit for n, unit in zip(spatial, named, strict=True) if unit is not None}
    described = [
        {"name": n, "type": KINDS.get(n, "space")} | ({"unit": unit_of[n]} if n in unit_of else {})
        for n in axes
    ]
    changes = [{"type": "scale", "scale": scale or [1.0] * len(axes)}]
    datasets = [{"path": "0", "coordinateTransformations": changes}]
    metadata: dict[str, Any] = {"multiscales": [{"axes": described, "datasets": datasets}]}
    if colours:
        metadata["omero"] = {"channels": [{"label": "DOE JANE", "color": c} for c in colours]}
    group.attrs.update(metadata if version == "0.4" else {"ome": metadata | {"version": version}})
    return folder


def noise(*shape: int, dtype: str = "u2") -> NDArray[Any]:
    return np.random.default_rng(5).integers(0, 200, shape).astype(dtype)


def whole(path: Path) -> NDArray[Any]:
    scan = verify(path)
    return scan.read(Box.whole(scan.grid))


@pytest.mark.parametrize(
    ("unit", "mm"),
    [
        ("nanometer", 1e-6),
        ("micrometer", 1e-3),
        ("centimeter", 10.0),
        ("meter", 1000.0),
        ("picometer", 1e-9),
        ("angstrom", 1e-7),
        ("inch", 25.4),
        ("foot", 304.8),
        ("yard", 914.4),
        ("kilometer", 1e6),
        ("\u00b5m", 1e-3),
        ("\u03bcm", 1e-3),
        ("um", 1e-3),
        ("Micrometre", 1e-3),
    ],
)
@pytest.mark.parametrize("axes", ["zyx", "yx"])
def test_units(tmp_path: Path, unit: str, mm: float, axes: str) -> None:
    """The scan is in mm; the mask keeps the numbers and the unit of the file."""
    n, scale = len(axes), [0.5, 0.2, 0.3][: len(axes)]
    path = image(tmp_path / "a", noise(*(4, 5, 6)[:n]), axes, units=unit, scale=scale)
    scan = open_scan(path)
    expected = [step * mm for step in scale]
    assert scan.spacing_mm == pytest.approx(expected)
    assert not [text for text in scan.warnings if "unit" in text]
    if n == 3:
        assert np.linalg.norm(scan.affine[:3, :3], axis=0) == pytest.approx(expected)
    mask_file.write(tmp_path / "mask.ome.zarr", np.ones(scan.grid, np.uint8), scan)
    told = json.loads((tmp_path / "mask.ome.zarr" / ".zattrs").read_text())["multiscales"][0]
    assert [axis["unit"] for axis in told["axes"]] == [unit] * n
    assert told["datasets"][0]["coordinateTransformations"][0]["scale"] == scale
    again = open_scan(tmp_path / "mask.ome.zarr")
    assert np.array_equal(again.affine, scan.affine)


@pytest.mark.parametrize(
    ("axes", "units", "expected", "warning"),
    [
        ("zyx", None, (3.0, 2.0, 1.0), "no unit of length; millimetres are assumed"),
        ("zyx", "second", (3.0, 2.0, 1.0), "no unit of length; millimetres are assumed"),
        ("zyx", "pixel", (3.0, 2.0, 1.0), "no unit of length; millimetres are assumed"),
        ("zyx", (None, "micrometer", "micrometer"), (3e-3, 2e-3, 1e-3), "for the axis z"),
        ("zyx", ("frame", "nanometer", "nanometer"), (3e-6, 2e-6, 1e-6), "for the axis z"),
        ("zyx", ("micrometer", "nanometer", "millimeter"), (3e-3, 2e-6, 1.0), None),
        ("yx", None, None, "the size of a pixel is unknown"),
        ("yx", "pixel", None, "the size of a pixel is unknown"),
    ],
)
def test_units_that_are_missing_or_are_not_of_length(
    tmp_path: Path, axes: str, units: Any, expected: Any, warning: str | None
) -> None:
    scale = [3.0, 2.0, 1.0][: len(axes)]
    path = image(tmp_path / "a", noise(*(4, 5, 6)[: len(axes)]), axes, units=units, scale=scale)
    scan = open_scan(path)
    assert scan.spacing_mm == (expected and pytest.approx(expected))
    told = " ".join(text for text in scan.warnings if "unit" in text)
    assert (warning or "") in told
    assert bool(told) is (warning is not None)


def test_units_that_contradict_each_other(tmp_path: Path) -> None:
    path = image(tmp_path / "a", noise(4, 5, 6), "zyx", units=("meter", "inch", None))
    with pytest.raises(UnsupportedScan, match="different units"):
        open_scan(path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("chunks", [(1, 1, 4, 8, 8), (2, 3, 3, 7, 20)])
def test_time_points_and_channels_are_chosen(
    tmp_path: Path, version: str, chunks: tuple[int, ...]
) -> None:
    values = noise(2, 3, 6, 15, 20)
    scale = [60.0, 1.0, 5.0, 0.4, 0.2]
    path = image(
        tmp_path / "a.zarr", values, "tczyx", version=version, scale=scale, chunks=chunks,
        colours=("0000FF", "00FF00", "FF0000"),
    )  # fmt: skip
    with pytest.raises(SeveralScans) as error:
        incoming_scans([path], tmp_path, LIMITS)
    assert [choice["name"] for choice in error.value.choices] == [
        f"time point {t} of 2, channel {c} of 3" for t in (1, 2) for c in (1, 2, 3)
    ]
    with pytest.raises(UnsupportedScan, match="6 scans"):
        open_scan(path)
    scans, refused = incoming_scans([path], tmp_path, LIMITS, ScanSelection(each=True))
    assert not refused
    for number, incoming in enumerate(scans):
        t, c = divmod(number, 3)
        scan = verify(incoming.path)
        assert scan.spacing_mm == pytest.approx((5e-3, 4e-4, 2e-4))
        assert np.array_equal(whole(incoming.path)[0], values[t, c])
        assert b"DOE" not in incoming.path.read_bytes()
    (fifth,), _ = incoming_scans([path], tmp_path, LIMITS, ScanSelection(volume=5))
    assert np.array_equal(whole(fifth.path)[0], values[1, 1])
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize(
    ("axes", "shape", "dtype", "colours", "expected"),
    [
        ("cyx", (3, 9, 8), "u1", (), 1),
        ("cyx", (3, 9, 8), "u1", ("FF0000", "00FF00", "0000FF"), 1),
        ("cyx", (3, 9, 8), "u2", ("0000FF", "00FF00", "FF0000"), 3),  # DAPI, GFP, mCherry
        ("cyx", (3, 9, 8), "f4", (), 3),
        ("cyx", (5, 9, 8), "u1", (), 5),
        ("tcyx", (2, 3, 9, 8), "u1", (), 2),
        ("tzyx", (2, 1, 9, 8), "i2", (), 2),
    ],
)
def test_colours_are_one_image_and_channels_are_several(
    tmp_path: Path, axes: str, shape: tuple[int, ...], dtype: str, colours: Any, expected: int
) -> None:
    values = noise(*shape, dtype=dtype)
    path = image(tmp_path / "a.zarr", values, axes, colours=colours, chunks=shape)
    scans, _ = incoming_scans([path], tmp_path, LIMITS, ScanSelection(each=True))
    assert len(scans) == expected
    components = 3 if expected in (1, 2) and "c" in axes else 1
    flat = values.reshape(expected, components, 9, 8)
    for number, incoming in enumerate(scans):
        assert np.array_equal(whole(incoming.path), flat[number])


@pytest.mark.parametrize("stated", [True, False])
def test_a_collection_of_series(tmp_path: Path, stated: bool) -> None:
    """As bioformats2raw writes it: the images are members of the outermost group."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    first, second = noise(4, 9, 8), noise(2, 7, 6)
    image(tmp_path / "a.zarr" / "0", first, "zyx")
    image(tmp_path / "a.zarr" / "1", second, "cyx")
    if stated:
        root.create_group("OME").attrs["series"] = ["1", "0"]
    scans, _ = incoming_scans([tmp_path / "a.zarr"], tmp_path, LIMITS, ScanSelection(each=True))
    order = ["image 1 of 2, channel 1 of 2", "image 1 of 2, channel 2 of 2", "image 2 of 2"]
    expected = [second[0], second[1], first]
    if not stated:
        order = ["image 1 of 2", "image 2 of 2, channel 1 of 2", "image 2 of 2, channel 2 of 2"]
        expected = [first, second[0], second[1]]
    assert [one.name for one in scans] == order
    for incoming, values in zip(scans, expected, strict=True):
        assert np.array_equal(whole(incoming.path)[0], values)
    shutil.rmtree(tmp_path / "a.zarr" / "1")
    if not stated:  # one image in a collection is that image
        (only,), _ = incoming_scans([tmp_path / "a.zarr"], tmp_path, LIMITS)
        assert np.array_equal(whole(only.path)[0], first)


def test_extracting_each_part_reads_metadata_and_chunks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 series of 4 time points each; in half of them, one chunk holds all time points."""
    root = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    values = [noise(4, 9, 8) + n for n in range(10)]
    for n, one in enumerate(values):
        chunks = (4 if n % 2 else 1, 9, 8)
        image(tmp_path / "a.zarr" / str(n), one, "tyx", chunks=chunks)
    read: Counter[str] = Counter()
    get = CheckedStore.get

    async def counted(store: CheckedStore, key: str, *options: Any, **named: Any) -> Any:
        read[key] += 1
        return await get(store, key, *options, **named)

    monkeypatch.setattr(CheckedStore, "get", counted)
    parts = ome_zarr_parts(tmp_path / "a.zarr", LIMITS)
    listing = read.total()
    extract_ome_zarr(
        tmp_path / "a.zarr", {part.number: tmp_path / f"part-{part.number}" for part in parts}
    )
    assert listing < 12 * 10
    assert read.total() < 2 * listing + 5 * (4 + 1) + 10
    assert max(count for key, count in read.items() if "/0/0" in key) == 1
    for n in (0, 17, 18, 39):
        assert np.array_equal(whole(tmp_path / f"part-{n + 1}")[0], values[n // 4][n % 4])


def test_an_image_that_is_too_large_to_unpack_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaging.formats.ome_zarr.parts.unpacked", pytest.fail)
    values = noise(2, 9, 8)
    path = image(tmp_path / "a.zarr", values, "tyx", chunks=(2, 9, 8))
    monkeypatch.setattr("imaging.formats.ome_zarr.parts._MOST_UNPACKED_BYTES", 200)
    extract_ome_zarr(path, {1: tmp_path / "one", 2: tmp_path / "two"})
    assert np.array_equal(whole(tmp_path / "two")[0], values[1])


@pytest.mark.parametrize("axes", [None, ["t", "c", "z", "y", "x"]])
def test_versions_before_units_were_stated(tmp_path: Path, axes: list[str] | None) -> None:
    """NGFF 0.1 and 0.2 name no axes, 0.3 states their names alone."""
    values = noise(1, 1, 4, 9, 8)
    path = image(tmp_path / "a.zarr", values, "tczyx")
    header = json.loads((path / ".zattrs").read_text())
    header["multiscales"][0].pop("axes")
    if axes:
        header["multiscales"][0]["axes"] = axes
    header["multiscales"][0]["datasets"] = [{"path": "0"}]
    (path / ".zattrs").write_text(json.dumps(header))
    scan = verify(path)
    assert np.array_equal(whole(path)[0], values[0, 0])
    assert scan.spacing_mm == (1, 1, 1)
    assert "no unit of length" in scan.warnings[0]


def test_a_transformation_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    """Ignoring a rotation or an affine would put the mask elsewhere, silently."""
    path = image(tmp_path / "a.zarr", noise(4, 9, 8), "zyx")
    header = json.loads((path / ".zattrs").read_text())
    changes = header["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    changes.append({"type": "identity"})
    (path / ".zattrs").write_text(json.dumps(header))
    assert open_scan(path).spacing_mm == pytest.approx((1e-3, 1e-3, 1e-3))
    changes.append({"type": "rotation", "rotation": [[0, 1, 0], [1, 0, 0], [0, 0, 1]]})
    (path / ".zattrs").write_text(json.dumps(header))
    with pytest.raises(UnsupportedScan, match="not a scale and translation"):
        open_scan(path)


@pytest.mark.parametrize(
    ("axes", "kind", "number", "unit"),
    [
        ("zyx", "scale", 1e150, "parsec"),
        ("zyx", "scale", 1e300, "parsec"),
        ("zyx", "scale", 1e-310, "yoctometer"),
        ("yx", "scale", 1e-310, "yoctometer"),
        ("yx", "scale", 1e40, "millimeter"),
        ("zyx", "translation", 1e300, "parsec"),
        ("zyx", "translation", -1e40, None),
    ],
)
def test_lengths_that_are_impossible_in_mm(
    tmp_path: Path, axes: str, kind: str, number: float, unit: str | None
) -> None:
    path = image(tmp_path / "a.zarr", noise(*(4, 9, 8)[: len(axes)]), axes, units=unit)
    header = json.loads((path / ".zattrs").read_text())
    changes = header["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    changes.append({"type": kind, kind: [number] * len(axes)})
    (path / ".zattrs").write_text(json.dumps(header))
    with pytest.raises(UnsupportedScan, match=r"impossibly|not finite"):
        open_scan(path)


@pytest.mark.parametrize("stated", [[0.5], 2, [0.5, 0.5], [1, 1, 1, 1], [[1, 1, 1]], "111"])
@pytest.mark.parametrize("kind", ["scale", "translation"])
def test_a_transformation_has_one_number_for_each_axis(
    tmp_path: Path, kind: str, stated: Any
) -> None:
    path = image(tmp_path / "a.zarr", noise(4, 9, 8), "zyx")
    header = json.loads((path / ".zattrs").read_text())
    changes = header["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    changes.append({"type": kind, kind: stated})
    (path / ".zattrs").write_text(json.dumps(header))
    with pytest.raises(UnreadableScan, match="wrong value"):
        open_scan(path)


def test_plates_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("plate", "well"):
        zarr.open_group(tmp_path / name, mode="w", zarr_format=2).attrs[name] = {"rows": []}
        with pytest.raises(UnsupportedScan, match="plate of wells"):
            incoming_scans([tmp_path / name], tmp_path, LIMITS)


def test_damage_and_limits(tmp_path: Path) -> None:
    path = image(tmp_path / "a.zarr", noise(2, 9, 8), "cyx", chunks=(1, 9, 8))
    chunks = sorted(one for one in (path / "0").rglob("*") if one.is_file() and one.name[0] != ".")
    chunks[-1].write_bytes(chunks[-1].read_bytes()[:20])
    with pytest.raises(UnreadableScan):
        incoming_scans([path], tmp_path, LIMITS, ScanSelection(volume=2))
    assert not [one for one in tmp_path.iterdir() if one.name.startswith((".", "part"))]
    with pytest.raises(ScanTooLarge):
        incoming_scans([path], tmp_path, Limits(max_bytes=143), ScanSelection(volume=1))
    many = image(tmp_path / "b.zarr", noise(1, 1, 1), "cyx", chunks=(1, 1, 1))
    header = many / "0" / ".zarray"
    told = json.loads(header.read_text())
    header.write_text(json.dumps(told | {"shape": [10_001, 1, 1]}))
    with pytest.raises(ScanTooLarge, match="10,001"):
        incoming_scans([many], tmp_path, LIMITS)
