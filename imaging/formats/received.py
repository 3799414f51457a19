"""What somebody sent, as scans that can be stored: a file as it is, or a pack of a series."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadInput, BadRequest, NotFound, SeveralScans
from imaging.formats.dicom.deidentify import deidentified
from imaging.formats.dicom.offer import Heap, Offer
from imaging.formats.dicom.series import Series
from imaging.formats.dicom.unpack import holds_dicom, unpacked
from imaging.formats.limits import Limits


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of the scans in an upload are meant, and how they are to be taken."""

    series: str | None = None
    """SeriesInstanceUID."""
    stack: int | None = None
    """Volume of the series, from 1."""
    each: bool = False
    """All that there are, localizers apart."""
    resample: bool = False
    """Tilted or uneven slices are resampled."""
    deidentify: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A scan's file, and what to call it; "": as its sender does."""

    path: Path
    name: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One of several scans that makes no volume."""

    name: str
    error: BadInput


def received(
    paths: Sequence[Path],
    folder: Path,
    limits: Limits,
    asked: Asked | None = None,
    secret: bytes = b"",
) -> tuple[list[Received], list[Refused]]:
    """The scans in files that came together; what is unpacked or packed goes into `folder`.

    `secret` makes the pseudonyms of what is de-identified. Raises SeveralScans where one is to be
    chosen first, BadRequest for several files that are no DICOM, and what refuses a scan where no
    other is left.
    """
    asked = asked or Asked()
    if len(paths) == 1 and not holds_dicom(paths[0]):
        if asked.deidentify:
            raise BadRequest(
                "The file is no DICOM, and only DICOM can be de-identified.",
                expected="A DICOM file or series.",
                hint="Take the names out of it, then send it without `deidentify`.",
            )
        return [Received(paths[0])], []
    files = unpacked(paths, folder, limits)
    heap = Heap.of(_deidentified(files, folder, secret) if asked.deidentify else files)
    if not heap.offers:
        _refuse(heap, paths)
    chosen = _chosen(heap, asked)
    strays = heap.strays
    if not asked.each:
        for series, error in strays.items():
            if asked.series is None or series in ("", asked.series):
                raise error
    found, refused = _packed(heap, chosen, folder, limits, asked)
    return found, [*refused, *(Refused("DICOM", error) for error in strays.values())]


def _deidentified(files: Iterable[Path], folder: Path, secret: bytes) -> Iterator[Path]:
    if not secret:
        raise BadRequest("De-identification needs a secret.", hint="Ask a gateway for it.")
    for number, path in enumerate(files):
        out = folder / f"deidentified-{number}"
        deidentified(path, out, secret)
        yield out


def _refuse(heap: Heap, paths: Sequence[Path]) -> None:
    if len(paths) > 1 and not heap.faults and not heap.others:
        raise BadRequest(
            "Several files came that are no DICOM.",
            expected="One file, or the files of a DICOM series.",
            hint="Send each volume or picture in an upload of its own.",
        )
    heap.refuse()


def _chosen(heap: Heap, asked: Asked) -> list[Offer]:
    offers = [offer for offer in heap.offers if asked.series in (None, offer.series)]
    if asked.stack is not None:
        offers = [offer for offer in offers if offer.number + 1 == asked.stack]
    if not offers:
        raise NotFound(
            "No such series or volume is in what was sent.",
            expected=f"One of the {len(heap.offers)} that there are.",
            hint="Send it without `series` and `stack`: the answer lists them.",
        )
    images = [offer for offer in offers if not offer.stack.localizer] or offers
    if len(images) > 1 and not asked.each:
        raise SeveralScans(
            f"What was sent holds {len(offers)} scans.",
            expected="One, or word of which one is meant.",
            hint="Choose one by `series` and `stack`, or ask for `each=true`, which makes a scan "
            "of each.",
            choices=[offer.told for offer in offers],
        )
    return images


def _packed(
    heap: Heap, chosen: Sequence[Offer], folder: Path, limits: Limits, asked: Asked
) -> tuple[list[Received], list[Refused]]:
    found: list[Received] = []
    refused: list[Refused] = []
    for number, offer in enumerate(chosen):
        try:
            fault = heap.fault_of(offer)
            if fault is not None:
                raise fault
            Series.of(offer.stack, resample=asked.resample).scan(limits, None)
            alone = None if asked.resample else heap.alone(offer)
            path = alone or folder / f"pack-{number}"
            if alone is None:
                heap.pack(offer, path, resample=asked.resample)
            found.append(Received(path, offer.title))
        except BadInput as error:
            if len(chosen) == 1:
                raise
            refused.append(Refused(offer.name, error))
    if not found:
        raise refused[0].error
    return found, refused
