"""The DICOM instances of one upload, each parsed once, and the scans that they make."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.concatenation import missing_part, with_missing_parts
from imaging.formats.dicom.frame import Frame, frames_of
from imaging.formats.dicom.instance import Instance, opener
from imaging.formats.dicom.instance_reader import read_instance, series_uid_of
from imaging.formats.dicom.pack import Manifest, write_pack
from imaging.formats.dicom.pixel_description import MaskObject
from imaging.formats.dicom.same_image import reused_uids
from imaging.formats.dicom.scan_candidate import ScanCandidate
from imaging.formats.dicom.series_stacks import stacks_of
from imaging.formats.dicom.stack import Stack
from imaging.formats.dicom.unpack import DicomFile


@dataclass(frozen=True, slots=True, eq=False)
class CollectedFile:
    """A DICOM file, and how to get its instance."""

    file: DicomFile
    instance: Callable[[], Instance]
    """Raises what `read_instance` raises."""

    @classmethod
    def on_disk(cls, file: DicomFile) -> "CollectedFile":
        """One that is parsed when its instance is requested."""
        return cls(file, lambda: read_instance(opener(file.path)))


@dataclass(frozen=True, slots=True)
class DamagedInstance:
    """An image that cannot be read, so that its series lacks a slice, or used: its UID is that of
    another image."""

    series: str
    """SeriesInstanceUID; "" where it cannot be read either."""
    error: UnreadableScan


@dataclass(frozen=True, slots=True, eq=False)
class InstanceCollection:
    """What an upload holds: candidates, damaged images and other objects."""

    candidates: tuple[ScanCandidate, ...]
    files: dict[Instance, DicomFile]
    frames: dict[Instance, tuple[Frame, ...]]
    damaged: tuple[DamagedInstance, ...]
    others: tuple[UnsupportedScan, ...]
    """Errors of objects that are not images: reports, plans."""
    masks: tuple[DicomFile, ...]
    """DICOM Segmentations."""

    @classmethod
    def of(cls, files: Iterable[CollectedFile]) -> "InstanceCollection":
        """Parses every file once; files with the same content count once."""
        by_instance: dict[Instance, DicomFile] = {}
        frames: dict[Instance, tuple[Frame, ...]] = {}
        damaged: list[DamagedInstance] = []
        others: list[UnsupportedScan] = []
        masks: list[DicomFile] = []
        for collected in _distinct(files):
            try:
                instance = collected.instance()
                frames[instance] = tuple(frames_of(instance))
            except UnreadableScan as error:
                series = series_uid_of(opener(collected.file.path))
                damaged.append(DamagedInstance(series, error))
            except MaskObject as error:
                masks.append(collected.file)
                others.append(error)
            except UnsupportedScan as error:
                others.append(error)
            else:
                by_instance[instance] = collected.file
        damaged += [DamagedInstance(*problem) for problem in reused_uids(tuple(frames))]
        return cls(
            _candidates(frames), by_instance, frames, tuple(damaged), tuple(others), tuple(masks)
        )

    def damage_of(self, candidate: ScanCandidate) -> UnreadableScan | None:
        """Why the candidate lacks a slice; at an end of the volume, no gap would show it."""
        errors = (one.error for one in self.damaged if one.series == candidate.series)
        return next(errors, candidate.incomplete)

    @property
    def damaged_series(self) -> dict[str, UnreadableScan]:
        """Series of which no image can be read (or ""), each with its first error."""
        readable = {candidate.series for candidate in self.candidates}
        damaged = reversed(self.damaged)
        return {one.series: one.error for one in damaged if one.series not in readable}

    def write_pack(self, candidate: ScanCandidate, path: Path, *, resample: bool) -> str:
        """Writes the pack of one candidate; returns its SHA-256. Raises StorageFull."""
        instances = dict.fromkeys(frame.instance for frame in candidate.stack.frames)
        members = sorted((self.files[n].sha256, self.files[n].path, n) for n in instances)
        frames = [frame for _, _, instance in members for frame in self.frames[instance]]
        wanted = _identity(candidate.stack)
        planes = tuple(n for n, frame in enumerate(frames) if frame.identity in wanted)
        alone = len(planes) == len(frames)
        manifest = Manifest(
            planes=() if alone else planes,
            resample=resample,
            whole=alone and [wanted] != list(map(_identity, stacks_of(frames))),
            notes=candidate.stack.notes,
        )
        return write_pack(path, [member[:2] for member in members], manifest)

    def only_file(self, candidate: ScanCandidate) -> DicomFile | None:
        """The file that holds this candidate and nothing else; None where there is none.

        A candidate with notes needs a pack, which keeps them.
        """
        if candidate.stack.notes:
            return None
        instances = {frame.instance for frame in candidate.stack.frames}
        return self.files[instances.pop()] if len(instances) == candidate.count == 1 else None

    def refuse(self) -> None:
        """Raises the error of the first file that could not be used."""
        errors = (*(one.error for one in self.damaged), *self.others)
        raise next(iter(errors), None) or UnsupportedScan(
            "The zip, tar or folder contains no DICOM.",
            expected="The files of a series in a zip or tar, or an OME-Zarr image in a zip.",
            hint="Give the files of other scans themselves, not their folder, zip or tar.",
        )


def _distinct(files: Iterable[CollectedFile]) -> Iterable[CollectedFile]:
    seen: set[str] = set()
    for collected in files:
        if collected.file.sha256 not in seen:
            seen.add(collected.file.sha256)
            yield collected


def _candidates(frames: dict[Instance, tuple[Frame, ...]]) -> tuple[ScanCandidate, ...]:
    by_series: dict[str, list[Frame]] = {}
    for instance, its_frames in frames.items():
        by_series.setdefault(instance.series, []).extend(its_frames)
    return tuple(one for group in by_series.values() for one in _of_series(group))


def _of_series(frames: Sequence[Frame]) -> list[ScanCandidate]:
    stacks = with_missing_parts(stacks_of(frames), frames)
    largest = max(map(_slide_pixels, stacks), default=0)
    return [
        ScanCandidate(
            stack,
            n,
            len(stacks),
            aside=stack.localizer or 0 < _slide_pixels(stack) < largest,
            incomplete=missing_part(stack, frames),
        )
        for n, stack in enumerate(stacks)
    ]


def _slide_pixels(stack: Stack) -> int:
    """Pixels of a slide's image, which its series has in several sizes; 0 for other images."""
    instance = stack.frames[0].instance
    return prod(instance.size) if instance.is_whole_slide and not stack.localizer else 0


def _identity(stack: Stack) -> frozenset[Any]:
    return frozenset(frame.identity for frame in stack.frames)
