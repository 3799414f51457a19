"""The cases of an evaluation: pairs of image and reference, and reading them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli.mask_targets import stem
from cli.value_map import ValueMap
from imaging.box import Box
from imaging.errors import BadRequest, TesseraError
from imaging.formats.sniff import open_scan
from imaging.geometry import orientation
from imaging.scan import Scan


@dataclass(frozen=True, slots=True)
class Case:
    """An image and its reference of the same name."""

    name: str
    image: Path
    reference: Path

    @contextmanager
    def named(self) -> Iterator[None]:
        """Tells the case's name with any error: one of hundreds is sought in vain otherwise."""
        try:
            yield
        except TesseraError as error:
            detail = f"{self.name}: {error.detail}"
            raise type(error)(detail, expected=error.expected, hint=error.hint) from error

    def open(self) -> tuple[Scan, Scan]:
        """Image and reference, headers only; BadRequest where one does not lie on the other."""
        with self.named():
            scan, reference = open_scan(self.image), open_scan(self.reference)
            _same_grid(scan, reference)
        return scan, reference


def pairs(images: Path, labels: Path, only: Path | None) -> list[Case]:
    """Cases by name: images that have a reference of the same name, but for their endings.

    `only` is a file with one case name a line; each must be there. Raises BadRequest where one is
    not, where there is none at all, or where two files bear one name.
    """
    pictures, references = _files(images), _files(labels)
    both = sorted(pictures.keys() & references.keys())
    if only is not None:
        wanted = {line.strip() for line in only.read_text().splitlines() if line.strip()}
        lacking = sorted(wanted - set(both))
        if lacking:
            raise BadRequest(
                f"{len(lacking)} of {len(wanted)} cases lack an image or a reference, the first of "
                f"them {lacking[0]}.",
                hint="Check --cases: one name a line, without the ending.",
            )
        both = sorted(wanted)
    if not both:
        raise BadRequest(
            "No image has a reference mask of the same name.",
            expected="Two folders whose files bear the same names, but for their endings.",
            hint="Check --images, --labels and --cases.",
        )
    return [Case(name, _one(pictures[name]), _one(references[name])) for name in both]


def left_out(images: Path, cases: Sequence[Case]) -> int:
    """How many images are no case."""
    return len(_files(images)) - len(cases)


def reference_mask(reference: Scan, maps: Sequence[ValueMap], known: set[int]) -> NDArray[Any]:
    """The reference's labels, int32 on its stored axes, each value mapped at most once.

    Raises BadRequest for values that are no whole numbers, or that are not `known` once mapped; an
    empty `known` stands for all (numbered objects).
    """
    raw = reference.read(Box.whole(reference.grid))[0]
    with np.errstate(invalid="ignore"):
        values = raw.astype(np.int32)
    if not np.array_equal(values, raw) or values.min(initial=0) < 0:
        raise BadRequest(
            "The reference mask holds values that are no label numbers.",
            expected="Whole numbers from 0.",
            hint="Give label maps, not probabilities.",
        )
    mask: NDArray[np.int32] = values.copy()
    for source, target in (pair for pairs_ in maps for pair in pairs_):
        mask[values == source] = target
    foreign = mask[~np.isin(mask, [0, *known])] if known else mask[:0]
    if foreign.size:
        raise BadRequest(
            f"The reference mask holds the value {int(foreign[0])}, no label of the model.",
            expected=f"0 or one of {', '.join(map(str, sorted(known)))}.",
            hint="Say what it means with --map FROM=TO.",
        )
    return mask


def _files(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            found.setdefault(stem(path), []).append(path)
    return found


def _one(paths: list[Path]) -> Path:
    if len(paths) > 1:
        raise BadRequest(
            f"{paths[0].name} and {paths[1].name} bear one name.",
            expected="One file a case in each folder.",
            hint="Move one of them away.",
        )
    return paths[0]


def _same_grid(scan: Scan, reference: Scan) -> None:
    if reference.grid != scan.grid or reference.shape[0] != 1:
        raise BadRequest(
            f"The reference mask has the shape {_said(reference)}, its image {scan.grid}.",
            expected="A mask of one component on its image's own grid.",
            hint="Resample the mask, or save its label numbers and not colours.",
        )
    if scan.dimension == 3 and orientation(scan.affine) != orientation(reference.affine):
        raise BadRequest(
            "The reference mask's axes run along other directions than its image's.",
            expected="The same orientation, voxel by voxel.",
            hint="Reorient the mask to its image.",
        )


def _said(reference: Scan) -> str:
    components = reference.shape[0]
    return f"{reference.grid}" + (f" with {components} components" if components > 1 else "")
