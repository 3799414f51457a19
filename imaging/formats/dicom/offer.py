"""The scans that a heap of DICOM files holds, for somebody to choose from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.frame import Frame, frames_of
from imaging.formats.dicom.instance import Instance, opener, read_instance, series_of
from imaging.formats.dicom.pack import Manifest, write_pack
from imaging.formats.dicom.stack import Stack, stacks_of
from imaging.hashes import sha256_of


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One stack of one series."""

    stack: Stack
    number: int
    """Among its series' stacks, from 0."""
    of: int
    """How many its series has."""

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return self._first.instance.series

    @property
    def name(self) -> str:
        """What a list may show: nothing of a patient's."""
        header = self._first.instance.header
        kind, series = str(header.get("Modality") or "DICOM")[:16], header.get("SeriesNumber")
        name = kind if series is None else f"{kind} series {str(series)[:12]}"
        return name if self.of == 1 else f"{name}, volume {self.number + 1}"

    @property
    def title(self) -> str:
        """The name, and how many slices a volume has."""
        count = len(self.stack.frames)
        return self.name if count == 1 else f"{self.name}, {count} slices"

    @property
    def told(self) -> dict[str, Any]:
        """For a list of choices, on the wire."""
        header = self._first.instance.header
        place = self._first.place
        return {
            "series": self.series,
            "stack": self.number + 1,
            "name": self.name,
            "modality": str(header.get("Modality") or "")[:16],
            "slices": len(self.stack.frames),
            "rows": int(header.Rows),
            "columns": int(header.Columns),
            "localizer": self.stack.localizer,
            "volume": place is not None,
        }

    @property
    def _first(self) -> Frame:
        return self.stack.frames[0]


@dataclass(frozen=True, slots=True)
class Fault:
    """An image that is damaged: a slice that its series lacks."""

    series: str
    """SeriesInstanceUID; "" where even that cannot be read."""
    error: UnreadableScan


@dataclass(frozen=True, slots=True, eq=False)
class Heap:
    """All that could be read of the files, and what could not."""

    offers: tuple[Offer, ...]
    files: dict[Instance, Path]
    faults: tuple[Fault, ...]
    others: tuple[UnsupportedScan, ...]
    """Of objects that are no images: reports, segmentations, plans."""

    @classmethod
    def of(cls, paths: Iterable[Path]) -> "Heap":
        """Reads the headers of all files; the same content twice counts once."""
        files: dict[Instance, Path] = {}
        frames: dict[str, list[Frame]] = {}
        faults: list[Fault] = []
        others: list[UnsupportedScan] = []
        seen: set[str] = set()
        for path in paths:
            sha256 = sha256_of(path)
            if sha256 in seen:
                continue
            seen.add(sha256)
            try:
                instance = read_instance(opener(path))
                found = list(frames_of(instance))
            except UnreadableScan as error:
                faults.append(Fault(series_of(opener(path)), error))
            except UnsupportedScan as error:
                others.append(error)
            else:
                files[instance] = path
                frames.setdefault(instance.series, []).extend(found)
        offers = [offer for group in frames.values() for offer in _offers(group)]
        return cls(tuple(offers), files, tuple(faults), tuple(others))

    def fault_of(self, offer: Offer) -> UnreadableScan | None:
        """Why the offer lacks a slice, perhaps at an end, where its gaps would not tell."""
        return next((fault.error for fault in self.faults if fault.series == offer.series), None)

    @property
    def strays(self) -> dict[str, UnreadableScan]:
        """Series that nothing sound is left of, or "", and the first that is wrong with it."""
        offered = {offer.series for offer in self.offers}
        faults = reversed(self.faults)
        return {fault.series: fault.error for fault in faults if fault.series not in offered}

    def pack(self, offer: Offer, path: Path, *, resample: bool) -> None:
        """Writes the pack of one offer."""
        instances = dict.fromkeys(frame.instance for frame in offer.stack.frames)
        members = sorted((sha256_of(self.files[n]), self.files[n], n) for n in instances)
        frames = [frame for _, _, instance in members for frame in frames_of(instance)]
        wanted = _identity(offer.stack)
        number = next(n for n, one in enumerate(stacks_of(frames)) if _identity(one) == wanted)
        write_pack(
            path, [member[:2] for member in members], Manifest(stack=number, resample=resample)
        )

    def alone(self, offer: Offer) -> Path | None:
        """The one file that holds this offer and nothing else; None where there is none."""
        instances = {frame.instance for frame in offer.stack.frames}
        return self.files[instances.pop()] if len(instances) == 1 and offer.of == 1 else None

    def refuse(self) -> None:
        """Raises what is wrong with the first file that could not be used."""
        fault = next(iter((*(n.error for n in self.faults), *self.others)), None)
        raise fault or UnsupportedScan(
            "The zip, tar or folder holds no DICOM.",
            expected="The files of a series in a zip or tar, or an OME-Zarr image in a zip.",
            hint="Send any other scan unpacked, in an upload of its own.",
        )


def _offers(frames: Sequence[Frame]) -> list[Offer]:
    stacks = stacks_of(frames)
    return [Offer(stack, n, len(stacks)) for n, stack in enumerate(stacks)]


def _identity(stack: Stack) -> frozenset[tuple[int, int]]:
    return frozenset((id(frame.instance), frame.number) for frame in stack.frames)
