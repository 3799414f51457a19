"""The cases of an evaluation: pairs of an image and a reference mask."""

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
from imaging.counted import counted
from imaging.errors import BadRequest, TesseraError
from imaging.formats.sniff import open_scan
from imaging.orientation import orientation
from imaging.scan import Scan


@dataclass(frozen=True, slots=True)
class Case:
    """An image and its reference mask."""

    name: str
    image: Path
    reference: Path

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Adds the case's name to errors, to identify one of hundreds of cases."""
        try:
            yield
        except TesseraError as error:
            detail = f"{self.name}: {error.detail}"
            raise type(error)(detail, expected=error.expected, hint=error.hint) from error

    def open(self) -> tuple[Scan, Scan]:
        """Opens image and reference; raises BadRequest if they have different grids."""
        with self.named_errors():
            scan, reference = open_scan(self.image), open_scan(self.reference)
            _check_same_grid(scan, reference)
        return scan, reference


def paired_cases(images: Path, labels: Path, only: Path | None) -> list[Case]:
    """The images that have a reference mask of the same name, except for the ending; sorted.

    `only`: a file with one case name per line. Raises BadRequest if one of these cases is missing,
    if there is no case at all, or if two files have the same name.
    """
    image_files, references = _files(images), _files(labels)
    both = sorted(image_files.keys() & references.keys())
    if only is not None:
        wanted = {line.strip() for line in only.read_text().splitlines() if line.strip()}
        missing = sorted(wanted - set(both))
        if missing:
            cases = counted(len(wanted), "case has", "cases have")
            raise BadRequest(
                f"{len(missing)} of {cases} no image or no reference mask, for "
                f"example {missing[0]}.",
                expected="An image and a reference mask for each case.",
                hint="Check --cases: one name per line, without the ending.",
            )
        both = sorted(wanted)
    if not both:
        raise BadRequest(
            "No image has a reference mask of the same name.",
            expected="Two folders whose files have the same names, except for the endings.",
            hint="Check --images, --labels and --cases.",
        )
    return [
        Case(name, _only_file(image_files[name]), _only_file(references[name])) for name in both
    ]


def unpaired_images(images: Path, cases: Sequence[Case]) -> int:
    """The number of images that are in no case."""
    return len(_files(images)) - len(cases)


def reference_mask(reference: Scan, maps: Sequence[ValueMap], known: set[int]) -> NDArray[Any]:
    """The label numbers of the reference mask, int32, on its stored axes.

    `maps` changes each value at most once. Raises BadRequest for values that are not whole numbers,
    and for mapped values that are not in `known`; an empty `known` allows all (numbered objects).
    """
    raw = reference.read(Box.whole(reference.grid))[0]
    with np.errstate(invalid="ignore"):
        values = raw.astype(np.int32)
    if not np.array_equal(values, raw) or values.min(initial=0) < 0:
        raise BadRequest(
            "The reference mask contains values that are not label numbers.",
            expected="Whole numbers, 0 or larger.",
            hint="Use label maps, not probabilities.",
        )
    mask: NDArray[np.int32] = values.copy()
    for source, target in (pair for pairs_ in maps for pair in pairs_):
        mask[values == source] = target
    unknown = mask[~np.isin(mask, [0, *known])] if known else mask[:0]
    if unknown.size:
        raise BadRequest(
            f"The reference mask contains the value {int(unknown[0])}, which is not a label of the "
            "model.",
            expected=f"0 or one of {', '.join(map(str, sorted(known)))}.",
            hint="Map it to a label with --map FROM=TO.",
        )
    return mask


def _files(folder: Path) -> dict[str, list[Path]]:
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            by_stem.setdefault(stem(path), []).append(path)
    return by_stem


def _only_file(paths: list[Path]) -> Path:
    if len(paths) > 1:
        raise BadRequest(
            f"{paths[0].name} and {paths[1].name} have the same name, except for the ending.",
            expected="One file per case in each folder.",
            hint="Move one of them out of the folder. If they are a header and its data file, "
            "convert them to one file.",
        )
    return paths[0]


def _check_same_grid(scan: Scan, reference: Scan) -> None:
    if reference.grid != scan.grid or reference.shape[0] != 1:
        raise BadRequest(
            f"The reference mask has the shape {_shape(reference)}, its image {scan.grid}.",
            expected="A mask with one component, on the grid of its image.",
            hint="Resample the mask, or save label numbers instead of colours.",
        )
    if scan.dimension == 3 and orientation(scan.affine) != orientation(reference.affine):
        raise BadRequest(
            "The reference mask has another orientation than its image.",
            expected="The same orientation, so that voxels correspond.",
            hint="Reorient the mask to match its image.",
        )


def _shape(reference: Scan) -> str:
    components = reference.shape[0]
    return f"{reference.grid}" + (f" with {components} components" if components > 1 else "")
