"""Series of 20,000 slices: the work grows with their number, not with its square."""

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.errors import UnreadableScan
from imaging.formats.dicom import duplicate_slices
from imaging.formats.dicom.duplicate_slices import without_duplicates
from imaging.formats.dicom.frame import VOLUME_ATTRIBUTES, Frame, frames_of
from imaging.formats.dicom.instance import Instance, opener
from imaging.formats.dicom.instance_reader import read_instance
from imaging.formats.dicom.pack import Manifest, write_pack
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.series_stacks import stacks_of
from imaging.formats.dicom.stored_plane import StoredPlane, stored_planes
from imaging.formats.dicom.value_scale import ValueScale
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.sniff import open_scan
from imaging.hashes import sha256_of
from tests.support.dicom.files import enhanced, write
from tests.support.dicom.scans import LIMITS, SHAPE, at, centres, fresh, turned, voxels

COUNT = 20_000
AXES = np.eye(3)


def _unreadable() -> BinaryIO:
    raise OSError


def _slice(depth: float, number: int, **attributes: Any) -> Frame:
    """A frame as `frames_of` reads it from a header; there are no pixels behind it."""
    return Frame(
        Instance(Dataset(), _unreadable),
        0,
        PlaneGeometry(depth * AXES[2], AXES[0], AXES[1], (1.0, 1.0), 1.0),
        ValueScale(),
        key=(512, 512, 1, "1.2.3", *AXES[0], *AXES[1], 1.0, 1.0),
        volume_attributes={
            **dict.fromkeys((*VOLUME_ATTRIBUTES, "DimensionIndexValues")),
            "InstanceNumber": str(number),
            **attributes,
        },
        localizer=False,
    )


def _counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, most: int) -> Counter[str]:
    """Counts the reads of a property; fails at once where there are more than `most`."""
    calls: Counter[str] = Counter()
    read: Callable[[Any], Any] = getattr(owner, name).fget

    def counted(self: Any) -> Any:
        calls[name] += 1
        assert calls[name] <= most, f"{name} is read more than {most:,} times."
        return read(self)

    monkeypatch.setattr(owner, name, property(counted))
    return calls


@pytest.mark.slow
def test_volumes_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two runs by instance number alone, of which the second was stopped."""
    half = COUNT // 2 + 5
    frames = [_slice(n % half, n + 1) for n in range(COUNT)]
    calls = _counting(monkeypatch, Frame, "identity", 20 * COUNT)
    assert [len(stack.frames) for stack in stacks_of(frames)] == [half, COUNT - half]
    assert calls["identity"] >= COUNT


@pytest.mark.slow
def test_volumes_whose_slices_interleave() -> None:
    """Given two echoes slice by slice, the memory is not that of every pair of slices."""
    frames = [_slice(n, n + 1, EchoNumbers=str(n % 2)) for n in range(COUNT)]
    tracemalloc.start()
    try:
        stacks = stacks_of(frames)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [len(stack.frames) for stack in stacks] == [COUNT // 2] * 2
    assert all("lie between slices" in " ".join(stack.warnings) for stack in stacks)
    assert peak < COUNT * 2000


@pytest.mark.parametrize(
    ("shift", "interleaved"), [(0.5, True), (0.0, False), (1.01, False), (-600.0, False)]
)
def test_slices_between_those_of_another_volume(*, shift: float, interleaved: bool) -> None:
    """Given two echoes; those at the same positions, or beside each other, do not interleave."""
    first = [_slice(n, n) for n in range(500)]
    second = [_slice(n + shift, n, EchoNumbers="2") for n in range(500)]
    stacks = stacks_of([*first, *second])
    assert any("lie between" in " ".join(stack.warnings) for stack in stacks) == interleaved


def _copied(count: int) -> tuple[Dataset, NDArray[np.int16]]:
    """A multi-frame image with each of `count` slices twice, and the volume."""
    volume = voxels((4, 3, count))
    image = enhanced([volume, volume], turned())
    for group in image.PerFrameFunctionalGroupsSequence:
        del group.FrameContentSequence[0].TemporalPositionIndex
    return image, volume


def test_copies_within_a_multi_frame_file(tmp_path: Path) -> None:
    """The file, whose frames are all checked when it is opened, is not opened for each of them."""
    (path,) = write([_copied(200)[0]], tmp_path)
    opened: list[Path] = []

    def open_file() -> BinaryIO:
        opened.append(path)
        return opener(path)()

    frames = list(frames_of(read_instance(open_file)))
    opened.clear()
    kept = without_duplicates([frames[n : n + 2] for n in range(0, len(frames), 2)])
    assert kept == frames[::2]
    assert len(opened) <= 20


def test_a_series_that_has_no_copies_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given different pixels at the first position, only those are compared."""
    decoded: list[Frame] = []

    def planes(frames: Sequence[Frame]) -> Iterator[StoredPlane]:
        for frame in frames:
            decoded.append(frame)
            yield StoredPlane(frame, np.array([[len(decoded)]]), None)

    monkeypatch.setattr(duplicate_slices, "stored_planes", planes)
    pairs = [[_slice(n, 1), _slice(n, 2)] for n in range(COUNT // 2)]
    assert without_duplicates(pairs) is None
    assert len(decoded) == 2


def test_a_stored_scan_is_opened_without_comparing_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file with each slice twice: which frames are the scan is stored with it."""
    image, volume = _copied(7)
    paths = write([image], tmp_path / "sent")
    (one,), _ = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS)
    monkeypatch.setattr(duplicate_slices, "stored_planes", pytest.fail)
    scan = open_scan(one.path)
    monkeypatch.setattr(duplicate_slices, "stored_planes", stored_planes)
    np.testing.assert_array_equal(at(scan, centres(volume.shape, turned())), volume.ravel())
    assert "7 slices were left out" in " ".join(scan.warnings)


def test_volumes_that_only_their_series_tells_apart(tmp_path: Path) -> None:
    """Given two volumes whose frames are mixed in a file, each keeps its own frames."""
    volumes = [voxels(seed=n) for n in range(2)]
    paths = write([enhanced(volumes, turned())], tmp_path / "sent")
    scans, _ = incoming_scans(paths, fresh(tmp_path / "packs"), LIMITS, ScanSelection(each=True))
    for one, volume in zip(scans, volumes, strict=True):
        values = at(open_scan(one.path), centres(SHAPE, turned()))
        np.testing.assert_array_equal(values, volume.ravel())


def test_a_pack_that_names_frames_which_it_lacks(tmp_path: Path) -> None:
    (path,) = write([enhanced([voxels()], turned())], tmp_path)
    pack = tmp_path / "pack"
    write_pack(pack, [(sha256_of(path), path)], Manifest(planes=(0, 1, SHAPE[2])))
    with pytest.raises(UnreadableScan, match="has 7 frames; its manifest names number 7"):
        open_scan(pack)
