"""OME-Zarr images, written by zarr itself, and masks read back by it and by tifffile."""

import gzip
import json
import shutil
import tracemalloc
import zlib
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from zarr import codecs

import imaging.formats.archive
import imaging.large_arrays
from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.ome_tiff.write import write_ome_tiff
from imaging.formats.ome_zarr.write import write_ome_zarr
from imaging.formats.sniff import open_scan, verify
from imaging.orientation import canonical
from imaging.scan import Scan, in_memory

ANATOMY = ("inferior-to-superior", "anterior-to-posterior", "right-to-left")


def noise(shape: tuple[int, ...], dtype: str = "u1") -> np.ndarray:
    return np.random.default_rng(5).integers(0, 200, shape).astype(dtype)


def image(
    folder: Path,
    values: np.ndarray,
    axes: str,
    version: str = "0.4",
    scale: list[float] | None = None,
    translation: list[float] | None = None,
    words: tuple[str, ...] = (),
    **options: Any,
) -> Path:
    """An OME-Zarr folder; `axes` as in "czyx"."""
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    array = group.create_array("s0", shape=values.shape, dtype=values.dtype, **options)
    array[...] = values
    kinds = {"t": "time", "c": "channel"}
    described: list[dict[str, Any]] = [{"name": n, "type": kinds.get(n, "space")} for n in axes]
    space = [axis for axis in described if axis["type"] == "space"]
    for axis in space:
        axis["unit"] = "micrometer"
    for axis, word in zip(space, words, strict=False):
        axis["orientation"] = {"type": "anatomical", "value": word}
    place: list[dict[str, Any]] = [{"type": "scale", "scale": scale or [1.0] * len(axes)}]
    if translation:
        place.append({"type": "translation", "translation": translation})
    datasets: list[Any] = [{"path": "s0", "coordinateTransformations": place}]
    told: list[Any] = [{"version": version, "axes": described, "datasets": datasets}]
    if version == "0.4":
        group.attrs["multiscales"] = told
    else:
        group.attrs["ome"] = {"version": version, "multiscales": told}
    return folder


def zipped(folder: Path, within: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, within + str(file.relative_to(folder)))
    return path


def whole(scan: Scan) -> np.ndarray:
    return scan.read(Box.whole(scan.grid))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("packed", ["folder", "zip", "zip of a folder"])
@pytest.mark.parametrize("dtype", ["u1", ">u2", "i2", "f4"])
def test_a_volume_of_either_version(tmp_path: Path, version: str, packed: str, dtype: str) -> None:
    values = noise((9, 30, 20), dtype)
    path = image(tmp_path / "a.zarr", values, "zyx", version, [3.0, 2.0, 1.0], chunks=(4, 16, 16))
    if packed != "folder":
        path = zipped(path, "a.zarr/" if packed == "zip of a folder" else "")
    scan = verify(path)
    assert (scan.format, scan.shape, scan.dtype) == (
        "ome-zarr",
        (1, 9, 30, 20),
        np.dtype(dtype[-2:]),
    )
    assert scan.spacing_mm == pytest.approx((0.003, 0.002, 0.001))
    assert np.array_equal(whole(scan)[0], values)
    box = Box((2, 5, 3), (7, 30, 17))
    assert np.array_equal(scan.read(box)[0], values[box.slices])


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("yx", (30, 20), (1, 30, 20)),
        ("cyx", (3, 30, 20), (3, 30, 20)),
        ("zyx", (1, 30, 20), (1, 30, 20)),
        ("tczyx", (1, 3, 1, 30, 20), (3, 30, 20)),
        ("tczyx", (1, 1, 4, 30, 20), (1, 4, 30, 20)),
    ],
)
def test_axes_by_name(
    tmp_path: Path, axes: str, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    values = noise(shape)
    scan = verify(image(tmp_path / "a.zarr", values, axes, chunks=tuple(min(n, 8) for n in shape)))
    assert scan.shape == expected
    assert np.array_equal(whole(scan), values.reshape(expected))


def test_the_world_is_lps_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    values, scale, first = noise((4, 5, 6)), [3.0, 2.0, 1.0], [30.0, 20.0, 10.0]
    silent = open_scan(image(tmp_path / "a.zarr", values, "zyx", "0.4", scale, first))
    assert "LPS" in silent.warnings[0]
    assert silent.affine @ [0, 0, 0, 1] == pytest.approx([-0.010, -0.020, 0.030, 1])
    assert silent.affine @ [1, 1, 1, 1] == pytest.approx([-0.011, -0.022, 0.033, 1])
    words = ("superior-to-inferior", "left-to-right", "posterior-to-anterior")
    told = open_scan(image(tmp_path / "b.zarr", values, "zyx", "0.5", scale, first, words))
    assert told.warnings == ()
    assert told.affine @ [1, 1, 1, 1] == pytest.approx([0.022, 0.011, -0.033, 1])


@pytest.mark.slow
def test_flat_chunks_are_unpacked_once_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging.large_arrays, "IN_MEMORY_BYTES", 0)
    values = noise((140, 400, 400), "u2")
    scan = open_scan(
        image(tmp_path / "a.zarr", values, "zyx", chunks=(1, 400, 400)), scratch=tmp_path
    )
    shutil.copytree(tmp_path / "a.zarr", tmp_path / "kept")
    box = Box((3, 50, 60), (100, 170, 260))
    assert np.array_equal(scan.read(box)[0], values[box.slices])
    shutil.rmtree(tmp_path / "a.zarr")
    assert np.array_equal(whole(scan)[0], values)
    near = open_scan(image(tmp_path / "b.zarr", values, "zyx", chunks=(64, 64, 64)))
    assert np.array_equal(near.read(box)[0], values[box.slices])
    shutil.rmtree(tmp_path / "b.zarr")
    assert not np.array_equal(near.read(box)[0], values[box.slices])  # read by region


def test_shards_are_read(tmp_path: Path) -> None:
    values = noise((20, 30, 40))
    path = image(tmp_path / "a.zarr", values, "zyx", "0.5", chunks=(5, 5, 5), shards=(10, 10, 10))
    assert np.array_equal(whole(verify(path))[0], values)
    scan, box = open_scan(path), Box((1, 2, 3), (4, 5, 6))
    assert np.array_equal(scan.read(box)[0], values[box.slices])
    shard = path / "s0" / "c" / "0" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[:64] = bytes(64)
    shard.write_bytes(bytes(data))
    for attempt in (verify, lambda p: whole(open_scan(p)), lambda p: open_scan(p).read(box)):
        with pytest.raises(UnreadableScan):
            attempt(path)


@pytest.mark.parametrize(
    ("axes", "shape", "dtype"),
    [
        ("tyx", (2, 30, 20), "u1"),
        ("cyx", (5, 30, 20), "u1"),
        ("czyx", (3, 4, 30, 20), "u1"),
        ("xyz", (4, 30, 20), "u1"),
        ("zx", (4, 30), "u1"),
        ("yx", (30, 20), "c8"),
        ("cyx", (3, 30, 20), "f4"),
    ],
)
def test_what_is_no_scan_is_refused(
    tmp_path: Path, axes: str, shape: tuple[int, ...], dtype: str
) -> None:
    path = image(tmp_path / "a.zarr", noise(shape, dtype), axes)
    for attempt in (open_scan, verify):
        with pytest.raises(UnsupportedScan) as error:
            attempt(path)
        assert error.value.hint


def test_a_group_without_an_image_and_a_zip_without_a_group(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    with pytest.raises(UnsupportedScan, match="multiscale"):
        open_scan(tmp_path / "a.zarr")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "hello").write_text("hello")
    with pytest.raises(UnsupportedScan, match="zip archive"):
        open_scan(zipped(tmp_path / "b"))
    with pytest.raises(UnreadableScan):
        open_scan(tmp_path / "b")


@pytest.mark.parametrize("damage", ["chunk", "metadata", "scale", "path"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    path = image(tmp_path / "a.zarr", noise((9, 30, 20)), "zyx", chunks=(9, 30, 20))
    attributes = path / ".zattrs"
    told = json.loads(attributes.read_text())
    if damage == "chunk":
        (chunk,) = (p for p in (path / "s0").rglob("*") if p.is_file() and p.name[0] != ".")
        chunk.write_bytes(chunk.read_bytes()[:40])
    elif damage == "metadata":
        (path / "s0" / ".zarray").write_text("{")
    elif damage == "scale":
        told["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] = [0, 1, 1]
    else:
        told["multiscales"][0]["datasets"][0]["path"] = "nowhere"
    attributes.write_text(json.dumps(told))
    reason = "cut off or damaged" if damage == "chunk" else "metadata of the OME-Zarr image"
    with pytest.raises(UnreadableScan, match=reason):
        verify(path)


PACKERS = {
    "zlib": (numcodecs.Zlib(), zlib.compress),
    "gzip": (numcodecs.GZip(), gzip.compress),
    "zstd": (numcodecs.Zstd(), lambda data: numcodecs.Zstd().encode(data)),
    "zstd that does not tell its size": (
        numcodecs.Zstd(),
        lambda data: zstandard_stream(data),
    ),
    "blosc": (numcodecs.Blosc(), lambda data: numcodecs.Blosc(cname="zstd").encode(data)),
    "none": (None, bytes),
}


def zstandard_stream(data: bytes) -> bytes:
    """Of raw blocks, without a size (RFC 8878, 3.1.1)."""
    blocks = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    heads = [
        (len(b) << 3 | (n == len(blocks) - 1)).to_bytes(3, "little") for n, b in enumerate(blocks)
    ]
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(h + b for h, b in zip(heads, blocks, strict=True))


@pytest.mark.parametrize("packer", list(PACKERS))
def test_a_chunk_unpacks_to_what_a_chunk_holds_or_not_at_all(tmp_path: Path, packer: str) -> None:
    codec, pack = PACKERS[packer]
    values = noise((10, 12), "u2")
    path = image(tmp_path / "a.zarr", values, "yx", chunks=(10, 12), compressors=codec)
    (chunk,) = (p for p in (path / "s0").rglob("*") if p.is_file() and p.name[0] != ".")
    assert np.array_equal(whole(verify(path))[0], values)
    chunk.write_bytes(pack(values.tobytes()))
    assert np.array_equal(whole(verify(path))[0], values)
    for wrong in (
        pack(bytes(239)),
        pack(bytes(1 << 22)),
        pack(values.tobytes())[:-20],
        b"",
        b"abc",
    ):
        chunk.write_bytes(wrong)
        tracemalloc.start()
        for read in (verify, lambda p: whole(open_scan(p))):
            with pytest.raises(UnreadableScan):
                read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24 << 20


def test_an_unknown_packer_is_refused(tmp_path: Path) -> None:
    path = image(tmp_path / "a.zarr", noise((10, 12)), "yx", compressors=numcodecs.LZ4())
    with pytest.raises(UnsupportedScan, match="compression"):
        open_scan(path)
    filters = [numcodecs.Delta(dtype="u1")]
    with pytest.raises(UnsupportedScan, match="compression"):
        open_scan(image(tmp_path / "b.zarr", noise((10, 12)), "yx", filters=filters))


def test_a_zip_whose_metadata_are_a_bomb_is_refused(tmp_path: Path) -> None:
    path = image(tmp_path / "a.zarr", noise((10, 12)), "yx")
    attributes = path / ".zattrs"
    attributes.write_text(attributes.read_text() + " " * (5 << 20))
    with pytest.raises(UnreadableScan):
        open_scan(zipped(path))


def test_limits_are_of_voxels_bytes_and_chunks(tmp_path: Path) -> None:
    path = image(tmp_path / "a.zarr", noise((9, 30, 20), "u2"), "zyx", chunks=(9, 30, 20))
    assert open_scan(path, Limits(5400, 5400, 10800))
    for limits in (Limits(5399), Limits(max_bytes=10799), Limits(max_pixels=5399)):
        with pytest.raises(ScanTooLarge):
            open_scan(path, limits)


def test_a_picture_s_mask_in_both_forms(tmp_path: Path) -> None:
    mask = np.zeros((1500, 2100), np.uint32)
    mask[20:1400, 30:2000] = np.arange(1970) * 40
    scan = in_memory(np.zeros((1, *mask.shape), np.uint8), (0.5, 0.25))
    for name in ("a.ome.tif", "b.ome.tif", "a.ome.zarr", "a.ome.zarr.zip"):
        mask_file.write(tmp_path / name, mask, scan)
        again = mask_file.read(tmp_path / name, 2)
        assert np.array_equal(again, mask)
        assert open_scan(tmp_path / name).spacing_mm == pytest.approx((0.5, 0.25))
    assert (tmp_path / "a.ome.tif").read_bytes() == (tmp_path / "b.ome.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        (series,) = file.series
        assert file.is_ome
        assert [level.shape for level in series.levels] == [(1500, 2100), (750, 1050), (375, 525)]
        assert np.array_equal(series.levels[2].asarray(), mask[::4, ::4])
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    assert np.array_equal(np.asarray(group["1"]), mask[::2, ::2])
    assert dict(group.attrs)["image-label"]
    assert not list(tmp_path.glob(".part*"))


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_a_volume_s_mask_lies_where_it_lay(
    tmp_path: Path, signs: tuple[int, ...], order: tuple[int, ...]
) -> None:
    mask = noise((6, 7, 8))
    affine = np.eye(4)
    affine[:3, :3] = (np.diag(signs) * [1.0, 2.0, 3.0])[:, order]
    affine[:3, 3] = (11.0, -12.0, 13.0)
    spacing = tuple(float(n) for n in np.linalg.norm(affine[:3, :3], axis=0))
    shape = (1, *mask.shape)
    scan = Scan(shape, mask.dtype, affine, spacing, "nifti", lambda _: mask[None], mask.shape)
    write_ome_zarr(tmp_path / "a.ome.zarr", mask, scan)
    again = open_scan(tmp_path / "a.ome.zarr")
    assert again.warnings == ()
    back, there = canonical(again), canonical(scan)
    assert np.allclose(back.scan.affine, there.scan.affine)
    assert np.array_equal(whole(back.scan)[0], there.turn(mask))
    own = image(tmp_path / "b.zarr", mask, "zyx", "0.5", words=ANATOMY[::-1][:0])
    write_ome_zarr(tmp_path / "c.ome.zarr", mask, open_scan(own))
    same = open_scan(tmp_path / "c.ome.zarr")
    assert np.allclose(same.affine, open_scan(own).affine)
    assert np.array_equal(whole(same)[0], mask)
    with pytest.raises(BadRequest, match="OME-TIFF"):
        write_ome_tiff(tmp_path / "a.ome.tif", mask, scan)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    """An entry of a zip that is far larger than a chunk, and a chunk hidden in shards of shards."""
    path = image(tmp_path / "a.zarr", noise((64, 64)), "yx", chunks=(64, 64))
    (chunk,) = (p for p in (path / "s0").rglob("*") if p.is_file() and p.name[0] != ".")
    chunk.write_bytes(bytes(100 << 20))
    packed = zipped(path)
    assert packed.stat().st_size < 1 << 20
    inner: list[Any] = [codecs.BytesCodec(), codecs.ZstdCodec()]
    shard = codecs.ShardingCodec(
        chunk_shape=(32, 32),
        codecs=[codecs.ShardingCodec(chunk_shape=(16, 16), codecs=inner)],
    )
    nested = image(tmp_path / "b.zarr", noise((64, 64)), "yx", "0.5", chunks=(64, 64))
    told = json.loads((nested / "s0" / "zarr.json").read_text())
    told["codecs"] = [shard.to_dict()]
    (nested / "s0" / "zarr.json").write_text(json.dumps(told))
    tracemalloc.start()
    for attempt in (verify, lambda p: whole(open_scan(p))):
        with pytest.raises(UnreadableScan):
            attempt(packed)
        with pytest.raises(UnsupportedScan, match="compression"):
            attempt(nested)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 << 20


def test_an_image_of_too_many_chunks_is_refused_at_once(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("s0", shape=(100_000, 100_000), chunks=(1, 1), dtype="u1")
    axes = [{"name": n, "type": "space"} for n in "yx"]
    group.attrs["multiscales"] = [
        {"axes": axes, "datasets": [{"path": "s0", "coordinateTransformations": []}]}
    ]
    with pytest.raises(UnsupportedScan, match="10,000,000,000 chunks"):
        verify(tmp_path / "a.zarr", Limits(max_bytes=1 << 40))


def test_a_zip_of_a_kind_that_nobody_knows_is_no_ome_zarr(tmp_path: Path) -> None:
    packed = zipped(image(tmp_path / "a.zarr", noise((9, 8)), "yx"))
    data = bytearray(packed.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 200  # version needed to extract
    packed.write_bytes(bytes(data))
    with pytest.raises(UnsupportedScan, match="zip"):
        open_scan(packed)


def test_a_zip_with_an_endless_list_of_entries_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zipped(image(tmp_path / "a.zarr", noise((9, 8)), "yx"))
    assert open_scan(packed)
    monkeypatch.setattr(imaging.formats.archive, "_DIRECTORY_BYTES", 100)
    monkeypatch.setattr(imaging.formats.archive, "ZipFile", None)
    with pytest.raises(UnsupportedScan, match="zip"):
        open_scan(packed)


def test_a_mask_replaces_an_ome_zarr_and_nothing_else(tmp_path: Path) -> None:
    mask, scan = noise((9, 8)), in_memory(np.zeros((1, 9, 8), np.uint8))
    for again in (mask, mask + 1):
        write_ome_zarr(tmp_path / "a.ome.zarr", again, scan)
        assert np.array_equal(mask_file.read(tmp_path / "a.ome.zarr"), again)
    (tmp_path / "b.ome.zarr").mkdir()
    (tmp_path / "b.ome.zarr" / "mine").write_text("mine")
    with pytest.raises(BadRequest, match="existing folder"):
        write_ome_zarr(tmp_path / "b.ome.zarr", mask, scan)
    (tmp_path / "c.ome.zarr").write_text("a file")
    write_ome_zarr(tmp_path / "c.ome.zarr", mask, scan)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{n}.ome.zarr" for n in "abc"]
    assert (tmp_path / "b.ome.zarr" / "mine").exists()
