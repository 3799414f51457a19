"""MetaImage volumes and masks; SimpleITK is the oracle."""

import contextlib
import itertools
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
from hypothesis import given
from hypothesis import strategies as st

from imaging.box import Box
from imaging.errors import ScanTooLarge, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import in_memory

SHAPE = (5, 6, 4)
TURN = ((0.8, 0.6, 0), (-0.48, 0.64, 0.6), (0.36, -0.48, 0.8))
"""Orthonormal; a row is the direction of an axis of the file."""


def values(dtype: str = "int16") -> np.ndarray:
    return np.arange(np.prod(SHAPE)).reshape(SHAPE, order="F").astype(dtype) - (dtype[0] != "u") * 9


def image(data: np.ndarray) -> sitk.Image:
    """The array as an image with a turned grid."""
    made = sitk.GetImageFromArray(data.transpose())
    made.SetSpacing((0.9, 1.1, 2.5))
    made.SetOrigin((10.5, -20.25, 3))
    made.SetDirection(np.array(TURN).T.ravel())
    return made


def world(path: Path, index: tuple[int, ...]) -> np.ndarray:
    """Where SimpleITK sees a voxel, in RAS+."""
    x, y, z = sitk.ReadImage(str(path)).TransformIndexToPhysicalPoint(index)
    return np.array([-x, -y, z])


def seen(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).transpose()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
              "float32", "float64"],
)  # fmt: skip
def test_volumes_are_read(tmp_path: Path, dtype: str, compressed: bool) -> None:
    path = tmp_path / "a.mha"
    sitk.WriteImage(image(values(dtype)), str(path), compressed)
    for scan in (open_scan(path), verify(path)):
        assert (scan.format, scan.dtype) == ("metaimage", np.dtype(dtype))
        assert np.array_equal(scan.read(Box.whole(SHAPE))[0], seen(path))
        assert np.array_equal(scan.read(Box((1, 2, 0), (4, 3, 4)))[0], values(dtype)[1:4, 2:3])
        assert scan.spacing_mm == pytest.approx((0.9, 1.1, 2.5))
        assert scan.warnings == ()
        for index in ((0, 0, 0), (4, 0, 0), (0, 5, 3)):
            assert np.allclose(scan.affine @ (*index, 1), (*world(path, index), 1))


def plain(
    data: bytes | None = None, *, end: str = "ElementDataFile = LOCAL", **changes: str | None
) -> bytes:
    """A file written by hand: uint8 on an identity grid."""
    fields: dict[str, str | None] = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 2 3",
        "DimSize": "5 6 4", "ElementType": "MET_UCHAR",
    }  # fmt: skip
    lines = [f"{name} = {value}" for name, value in (fields | changes).items() if value is not None]
    return "\n".join([*lines, end]).encode() + b"\n" + (bytes(range(120)) if data is None else data)


GRAMMAR = {
    "colons": plain().replace(b" = ", b": "),
    "no blanks": plain().replace(b" = ", b"="),
    "CR LF": plain(b"").replace(b"\n", b"\r\n") + bytes(range(120)),
    "leading blanks": plain().replace(b"\nNDims", b"\n   NDims"),
    "a comment first": b"Comment = by hand\n" + plain(),
    "no ObjectType": plain(ObjectType=None),
    "position": plain(Offset=None, Position="7 8 9"),
    "origin": plain(Offset=None, Origin="7 8 9"),
    "rotation": plain(TransformMatrix=None, Rotation="0 1 0 -1 0 0 0 0 1"),
    "orientation": plain(TransformMatrix=None, Orientation="0 1 0 -1 0 0 0 0 1"),
    "size for spacing": plain(ElementSpacing=None, ElementSize="3 4 5"),
    "size and spacing": plain(ElementSize="3 4 5"),
    "no flags": plain(BinaryData="True", CompressedData=None),
    "header at the end": plain(b"DOE^JANE" + bytes(range(120)), HeaderSize="-1"),
    "array type": plain(ElementType="MET_UCHAR_ARRAY", ElementNumberOfChannels="1"),
    "zeros in numbers": plain(Offset="007 8.00 9e0"),
}


@pytest.mark.parametrize("name", GRAMMAR)
def test_a_header_is_read_as_simpleitk_reads_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.mha"
    path.write_bytes(GRAMMAR[name])
    scan = verify(path)
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0], seen(path))
    for index in ((0, 0, 0), (4, 5, 3)):
        assert np.allclose(scan.affine @ (*index, 1), (*world(path, index), 1))


@pytest.mark.parametrize(("unit", "mm"), [("um", 1e-3), ("cm", 10), ("mm", 1), ("?", 1)])
def test_lengths_are_converted_to_mm(tmp_path: Path, unit: str, mm: float) -> None:
    (tmp_path / "a.mha").write_bytes(plain(DistanceUnits=unit, Offset="4 5 6"))
    scan = open_scan(tmp_path / "a.mha")
    assert scan.spacing_mm == pytest.approx((mm, 2 * mm, 3 * mm))
    assert np.allclose(scan.affine[:3, 3], (-4 * mm, -5 * mm, 6 * mm))
    assert bool(scan.warnings) == (unit != "mm")

    mask_file.write(tmp_path / "mask.mha", np.ones(SHAPE, np.uint8), scan)

    mask = sitk.ReadImage(str(tmp_path / "mask.mha"))
    assert mask.GetSpacing() == (1, 2, 3)
    assert mask.GetOrigin() == (4, 5, 6)
    assert np.allclose(open_scan(tmp_path / "mask.mha").affine, scan.affine)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TransformMatrix": None}, "left and right"),
        ({"ElementSpacing": None}, "no voxel size"),
        ({"TransformMatrix": "1 0.2 0 0 1 0 0 0 1"}, "not perpendicular"),
    ],
    ids=str,
)
def test_what_a_header_does_not_state_is_reported(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    (tmp_path / "a.mha").write_bytes(plain(None, **changes))
    assert any(words in warning for warning in open_scan(tmp_path / "a.mha").warnings)


def test_trailing_bytes_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.mha").write_bytes(plain(bytes(125)))
    assert "5 bytes after its end" in verify(tmp_path / "a.mha").warnings[0]


BAD = {
    "cut off": (plain(bytes(119)), UnreadableScan, "fewer voxels"),
    "no end": (plain(b"", end="Comment = x"), UnreadableScan, "no ElementDataFile"),
    "endless": (b"NDims = 3\n" * 200_000, UnreadableScan, "no ElementDataFile"),
    "one line": (b"NDims = 3" + b"x" * (2 << 20), UnreadableScan, "ElementDataFile"),
    "no size": (plain(DimSize=None), UnreadableScan, "no DimSize"),
    "no axes": (plain(NDims=None), UnreadableScan, "number of axes"),
    "a hundred axes": (plain(NDims="100"), UnreadableScan, "number of axes"),
    "words": (plain(DimSize="5 six 4"), UnreadableScan, "DimSize is not a list of numbers"),
    "few numbers": (plain(ElementSpacing="1 1"), UnreadableScan, "2 numbers instead of 3"),
    "no length": (plain(DimSize="5 0 4"), UnreadableScan, "below 1"),
    "a letter": (plain(end="dear sir\nElementDataFile = LOCAL"), UnreadableScan, "not a field"),
    "channels": (plain(ElementNumberOfChannels="-1"), UnreadableScan, "number of channels"),
    "skip": (plain(HeaderSize="-5"), UnreadableScan, "HeaderSize"),
    "not compressed": (plain(CompressedData="True"), UnreadableScan, "fewer voxels"),
    "half a stream": (plain(zlib.compress(bytes(120))[:-3], CompressedData="True"), UnreadableScan,
                      "fewer voxels"),
    "a bomb": (plain(zlib.compress(bytes(4 << 20)), CompressedData="True"), UnreadableScan,
               "longer than"),
    "flat": (plain(ElementSpacing="1 0 3"), UnsupportedScan, "singular"),
    "not finite": (plain(Offset="nan 0 0"), UnsupportedScan, "not finite"),
    "another file": (plain(end="ElementDataFile = /etc/passwd"), UnsupportedScan, "another file"),
    "a list": (plain(end="ElementDataFile = LIST"), UnsupportedScan, "another file"),
    "text": (plain(BinaryData="False"), UnsupportedScan, "text"),
    "strings": (plain(ElementType="MET_STRING"), UnsupportedScan, "type is not supported"),
    "one axis": (plain(NDims="1"), UnsupportedScan, "1 axis"),
    "a flat image": (plain(NDims="2", TransformMatrix="1 0 1 0"), UnsupportedScan, "singular"),
    "immense": (plain(ElementSpacing="1e40 1 1"), UnsupportedScan, "impossibly large"),
    "minute": (plain(ElementSpacing="1e-12 1 1", DistanceUnits="um"), UnsupportedScan, "small"),
    "far away": (plain(Offset="0 1e12 0", DistanceUnits="cm"), UnsupportedScan, "impossibly"),
    "infinitely far": (plain(Offset="0 1e308 0", DistanceUnits="cm"), UnsupportedScan, "finite"),
    "a length without a square": (plain(ElementSpacing="1e200 1 1"), UnsupportedScan,
                                  "impossibly"),
    "an immense image": (plain(NDims="2", TransformMatrix="1 0 0 1", ElementSpacing="1e40 1"),
                         UnsupportedScan, "impossibly large"),
    "endless digits": (plain(DimSize=" ".join(["9" * 2000] * 3)), UnreadableScan, "DimSize"),
    "endless channels": (plain(ElementNumberOfChannels="9" * 4299), UnreadableScan, "Channels"),
    "endless header": (plain(HeaderSize="9" * 4299), UnreadableScan, "HeaderSize"),
    "more than a file": (plain(DimSize=" ".join([str(2**61)] * 3)), UnreadableScan, "more voxels"),
    "too large": (plain(DimSize="99999 99999 99999"), ScanTooLarge, "voxels"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str) -> None:
    data, error, words = BAD[name]
    path = tmp_path / "DOE^JANE.mha"
    path.write_bytes(data)
    with pytest.raises(error, match=words) as caught:
        verify(path)
    assert caught.value.hint
    assert "DOE" not in str(caught.value)
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_each_component_has_the_voxels_that_simpleitk_reads(
    tmp_path: Path, compressed: bool
) -> None:
    path = tmp_path / "a.mha"
    vectors = np.stack([values(), -values(), values() + 500], axis=-1)
    made = sitk.GetImageFromArray(vectors.transpose(2, 1, 0, 3), isVector=True)
    made.CopyInformation(image(values()))
    sitk.WriteImage(made, str(path), compressed)
    scans, _ = incoming_scans([path], tmp_path, Limits(), ScanSelection(each=True))
    assert [scan.name for scan in scans] == [f"component {n} of 3" for n in (1, 2, 3)]
    whole = sitk.ReadImage(str(path))
    for number, incoming in enumerate(scans):
        scan = verify(incoming.path)
        one = sitk.GetArrayFromImage(sitk.VectorIndexSelectionCast(whole, number)).transpose()
        assert np.array_equal(scan.read(Box.whole(SHAPE))[0], one)
        assert np.allclose(scan.affine @ (4, 5, 3, 1), (*world(path, (4, 5, 3)), 1))
        sitk_path = incoming.path.rename(tmp_path / f"{number}.mha")
        assert np.array_equal(seen(sitk_path), one)
        assert np.allclose(world(sitk_path, (4, 5, 3)), world(path, (4, 5, 3)))


def test_each_volume_of_four_axes(tmp_path: Path) -> None:
    made = sitk.GetImageFromArray(np.arange(240, dtype=np.int16).reshape(2, 4, 6, 5), False)
    made.SetSpacing((1, 2, 3, 0.5))
    made.SetOrigin((4, 5, 6, 0))
    sitk.WriteImage(made, str(tmp_path / "a.mha"))
    scans, _ = incoming_scans([tmp_path / "a.mha"], tmp_path, Limits(), ScanSelection(each=True))
    assert [scan.name for scan in scans] == ["volume 1 of 2", "volume 2 of 2"]
    scan = open_scan(scans[1].path)
    assert scan.read(Box.whole(SHAPE))[0].ravel("F").tolist() == list(range(120, 240))
    assert np.allclose(scan.affine @ (1, 1, 1, 1), (-5, -7, 9, 1))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_masks_lie_where_simpleitk_sees_the_scan(tmp_path: Path, order: tuple[int, ...]) -> None:
    for signs in itertools.product((1, -1), repeat=3):
        made = image(values())
        made.SetDirection((np.array(TURN).T[:, order] * signs).ravel())
        sitk.WriteImage(made, str(tmp_path / "a.mha"))
        scan = open_scan(tmp_path / "a.mha")
        mask = np.zeros(SHAPE, np.uint8)
        mask[1, 2, 3], mask[4, 0, 1] = 1, 200
        mask_file.write(tmp_path / "mask.mha", mask, scan)
        mask_file.write(tmp_path / "mask.nii.gz", mask, scan)
        for name in ("mask.mha", "mask.nii.gz"):
            assert np.array_equal(seen(tmp_path / name), mask)
            for index in ((1, 2, 3), (4, 0, 1)):
                there = world(tmp_path / "a.mha", index)
                assert np.allclose(world(tmp_path / name, index), there, atol=1e-3)


@pytest.mark.parametrize("top", [1, 300, 70_000])
def test_masks_are_small_and_the_same_bytes(tmp_path: Path, top: int) -> None:
    scan = in_memory(np.zeros((1, *SHAPE), np.int16), (1.0, 2.0, 3.0))
    mask = values("uint32") % 2 * np.uint32(top)
    for name in ("a.mha", "b.mha"):
        mask_file.write(tmp_path / name, mask, scan)
    assert (tmp_path / "a.mha").read_bytes() == (tmp_path / "b.mha").read_bytes()
    assert np.array_equal(seen(tmp_path / "a.mha"), mask)
    assert seen(tmp_path / "a.mha").dtype == np.min_scalar_type(top)
    assert np.array_equal(mask_file.read(tmp_path / "a.mha"), mask)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_images_are_read_and_their_masks_lie_on_them(
    tmp_path: Path, dtype: str, channels: int, compressed: bool
) -> None:
    pixels = np.arange(30 * channels).reshape(5, 6, channels).astype(dtype)
    made = sitk.GetImageFromArray(pixels.squeeze(), isVector=channels > 1)
    made.SetSpacing((0.5, 0.7))
    made.SetOrigin((3, 4))
    sitk.WriteImage(made, str(tmp_path / "a.mha"), compressed)
    for scan in (open_scan(tmp_path / "a.mha"), verify(tmp_path / "a.mha")):
        assert (scan.shape, scan.dtype) == ((min(channels, 3), 5, 6), np.dtype(dtype))
        whole = scan.read(Box.whole((5, 6)))
        assert np.array_equal(whole, np.moveaxis(pixels[..., :3], -1, 0))
        assert np.array_equal(scan.read(Box((1, 2), (4, 3))), whole[:, 1:4, 2:3])
        assert scan.spacing_mm == pytest.approx((0.7, 0.5))
        assert any("transparency" in warning for warning in scan.warnings) == (channels == 4)

    mask = np.zeros((5, 6), np.uint8)
    mask[3, 1] = 7
    mask_file.write(tmp_path / "mask.mha", mask, scan)

    assert np.array_equal(mask_file.read(tmp_path / "mask.mha", 2), mask)
    written = sitk.ReadImage(str(tmp_path / "mask.mha"))
    assert np.array_equal(sitk.GetArrayFromImage(written), mask)
    here = written.TransformIndexToPhysicalPoint((1, 3))
    assert here == made.TransformIndexToPhysicalPoint((1, 3))


def test_a_colour_image_is_deidentified(tmp_path: Path) -> None:
    (tmp_path / "a.mha").write_bytes(
        plain(bytes(range(90)), NDims="2", DimSize="5 6", ElementNumberOfChannels="3",
              TransformMatrix="1 0 0 1", Comment="DOE^JANE", Name="DOE^JANE")
    )  # fmt: skip
    selection = ScanSelection(deidentify=True)
    (one,), _ = incoming_scans([tmp_path / "a.mha"], tmp_path, Limits(), selection, b"secret")
    assert b"DOE" not in one.path.read_bytes()
    pixels = verify(one.path).read(Box.whole((6, 5)))
    assert np.array_equal(np.moveaxis(pixels, 0, -1).ravel(), np.arange(90))


def rewritten(path: Path, folder: Path) -> Path:
    """The file that de-identification makes of the one at `path`."""
    work = folder / "work"
    work.mkdir()
    (one,), _ = incoming_scans([path], work, Limits(), ScanSelection(deidentify=True), b"secret")
    return one.path.rename(folder / "rewritten.mha")


@pytest.mark.parametrize("compressed", [False, True])
def test_text_in_any_field_and_after_the_voxels_is_removed(
    tmp_path: Path, compressed: bool
) -> None:
    data = bytes(range(120))
    planted = dict.fromkeys(
        ("Position", "Origin", "Rotation", "Orientation", "ElementSize", "Comment", "Name",
         "DistanceUnits", "CompressedDataSize", "BinaryDataByteOrderMSB", "CenterOfRotation",
         "ElementByteOrderMSB", "AnatomicalOrientation", "Modality", "JANE"), "JANE",
    )  # fmt: skip
    flags = {"BinaryData": "True JANE", "CompressedData": f"{compressed} JANE"}
    numbers = {"Offset": "7 8 9"}
    stored = zlib.compress(data) if compressed else data
    path = tmp_path / "a.mha"
    path.write_bytes(plain(stored + b"JANE" * 9, **planted, **flags, **numbers))
    made = rewritten(path, tmp_path)
    assert b"JANE" not in made.read_bytes()
    scan = verify(made)
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0].ravel("F"), np.arange(120))
    assert np.array_equal(scan.affine, open_scan(path).affine)
    assert scan.warnings == open_scan(path).warnings
    assert np.array_equal(seen(made).ravel("F"), np.arange(120))
    assert np.allclose(world(made, (4, 5, 3)), (-11, -18, 18))


@pytest.mark.parametrize("dtype", [">i2", "<f4"])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_deidentified_volume_is_where_and_what_it_was(
    tmp_path: Path, dtype: str, compressed: bool
) -> None:
    data = values().astype(dtype).tobytes("F")
    path = tmp_path / "a.mha"
    path.write_bytes(
        plain(zlib.compress(data) if compressed else data, CompressedData=str(compressed),
              ElementType="MET_SHORT" if dtype == ">i2" else "MET_FLOAT",
              BinaryDataByteOrderMSB=str(dtype[0] == ">"), ElementSpacing="0.9 1.1 2.5",
              TransformMatrix=" ".join(map(str, np.ravel(TURN))), Offset="10.5 -20.25 3")
    )  # fmt: skip
    made = rewritten(path, tmp_path)
    assert np.array_equal(seen(made), values())
    assert np.allclose(world(made, (4, 5, 3)), world(path, (4, 5, 3)))
    assert verify(made).warnings == ()


UNSTATED: dict[str, dict[str, Any]] = {
    "no matrix": {"TransformMatrix": None},
    "no spacing": {"ElementSpacing": None},
    "neither": {"TransformMatrix": None, "ElementSpacing": None},
    "no known unit": {"DistanceUnits": "furlong"},
}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", UNSTATED)
def test_what_a_header_does_not_state_stays_unknown(
    tmp_path: Path, name: str, channels: int
) -> None:
    path = tmp_path / "a.mha"
    data, count = bytes(120 * channels), str(channels)
    path.write_bytes(plain(data, ElementNumberOfChannels=count, **UNSTATED[name]))
    selection = ScanSelection(volume=channels, deidentify=True)
    (one,), _ = incoming_scans([path], tmp_path, Limits(), selection, b"secret")
    (tmp_path / "b.mha").write_bytes(plain(**UNSTATED[name]))
    source = open_scan(tmp_path / "b.mha")
    made = open_scan(one.path)
    assert made.warnings == source.warnings != ()
    assert np.array_equal(made.affine, source.affine)
    mask_file.write(tmp_path / "mask.mha", np.ones(SHAPE, np.uint8), source)
    assert open_scan(tmp_path / "mask.mha").warnings == source.warnings
    assert np.array_equal(open_scan(tmp_path / "mask.mha").affine, source.affine)
    assert np.allclose(
        world(tmp_path / "mask.mha", (4, 5, 3)), world(tmp_path / "b.mha", (4, 5, 3))
    )


def test_two_channels_of_an_image_are_two_scans(tmp_path: Path) -> None:
    pixels = np.arange(60, dtype=np.int16).reshape(5, 6, 2)
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=True), str(tmp_path / "a.mha"))
    scans, _ = incoming_scans([tmp_path / "a.mha"], tmp_path, Limits(), ScanSelection(each=True))
    for number, incoming in enumerate(scans):
        assert np.array_equal(verify(incoming.path).read(Box.whole((5, 6)))[0], pixels[..., number])


@pytest.mark.parametrize(("matrix", "warned"), [("1 0 0 1", 0), ("0 1 1 0", 1), ("1 0 0 -1", 1)])
def test_a_direction_of_an_image_is_reported(tmp_path: Path, matrix: str, warned: int) -> None:
    (tmp_path / "a.mha").write_bytes(plain(None, NDims="2", DimSize="30 4", TransformMatrix=matrix))
    assert len(open_scan(tmp_path / "a.mha").warnings) == warned
    unsized = plain(None, NDims="2", DimSize="30 4", TransformMatrix=None, ElementSpacing=None)
    (tmp_path / "a.mha").write_bytes(unsized)
    assert open_scan(tmp_path / "a.mha").spacing_mm is None


def test_the_mask_of_an_image_from_elsewhere(tmp_path: Path) -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    scan = in_memory(np.zeros((1, 3, 4), np.uint8), (0.7, 0.5))
    mask_file.write(tmp_path / "a.mha", mask, scan)
    written = sitk.ReadImage(str(tmp_path / "a.mha"))
    assert np.array_equal(sitk.GetArrayFromImage(written), mask)
    assert written.GetSpacing() == (0.5, 0.7)
    assert np.array_equal(mask_file.read(tmp_path / "a.mha", 2), mask)


@given(st.lists(st.tuples(st.integers(0, 260), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_brings_another_exception(changes: list[tuple[int, int]]) -> None:
    import tempfile

    data = bytearray(plain())
    for at, byte in changes:
        data[at % len(data)] = byte
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(TesseraError):
        path = Path(folder) / "a"
        path.write_bytes(bytes(data))
        scan = verify(path, Limits(max_bytes=1 << 20))
        scan.read(Box.whole(scan.grid))
