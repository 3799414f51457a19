"""Where masks go: a file for one scan, a folder for several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.mask_file import ENDINGS, NATURAL, SUFFIXES, ending
from imaging.formats.ome_zarr import is_ome_zarr


@dataclass(frozen=True, slots=True)
class Target:
    """A mask's place; `suffix` is None until the mask's own format is known."""

    folder: Path
    stem: str
    suffix: str | None

    def path(self, natural: str) -> Path:
        """The file; `natural` is the format (nifti, png, ome-tiff) that the mask has by itself."""
        return self.folder / (self.stem + (self.suffix or SUFFIXES[natural]))


def targets(scans: Sequence[Path], out: Path, form: str | None) -> list[Target]:
    """A target per scan; raises BadRequest where names contradict or two masks share one."""
    suffix = SUFFIXES[form] if form else None
    if len(scans) == 1 and out.suffix and (not out.is_dir() or _is_mask(out)):
        return [_file(out, suffix)]
    if len(scans) > 1 and ending(out.name):
        raise BadRequest(
            f"{len(scans)} scans cannot go into the one file {out.name}.",
            hint="Give a folder with --out.",
        )
    names = [stem(scan) for scan in scans]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadRequest(
            f"Two scans are named {twice}, and their masks would be too.",
            hint="Give them in two calls, with two folders.",
        )
    return [Target(out, name, suffix) for name in names]


def protect(scans: Sequence[Path], places: Sequence[Target], others: Sequence[Path]) -> None:
    """Raises BadRequest where anything written would overwrite a scan, or another thing written."""
    masks = [
        place.folder / (place.stem + suffix)
        for place in places
        for suffix in ((place.suffix,) if place.suffix else (SUFFIXES[form] for form in NATURAL))
    ]
    written = [path.resolve() for path in (*masks, *others)]
    kept = {path.resolve() for path in scans}
    clash = next((path for path in written if any(path.is_relative_to(k) for k in kept)), None)
    if clash is not None:
        raise BadRequest(
            f"{clash.name} would be written over a scan, or into its folder.",
            expected="Another place than the scan's own.",
            hint="Give another folder or name with --out.",
        )
    if len(set(written)) < len(written):
        raise BadRequest("Two outputs have the same name.", hint="Give each its own.")


def stem(path: Path) -> str:
    """The name without .nii.gz or whatever the ending is."""
    end = ending(path.name) or path.suffix
    return path.name.removesuffix(end)


def _is_mask(out: Path) -> bool:
    """Whether a folder is an OME-Zarr that an earlier run may have left."""
    return ending(out.name) is not None and is_ome_zarr(out)


def _file(out: Path, suffix: str | None) -> Target:
    named = ending(out.name)
    if named is None:
        raise BadRequest(
            f"A mask cannot be written as '{out.suffix}'.",
            expected=f"A name that ends in one of {', '.join(ENDINGS)}, or a folder.",
            hint="Change --out.",
        )
    if suffix and ENDINGS[suffix] != ENDINGS[named]:
        raise BadRequest("--format and the name given by --out contradict each other.")
    return Target(out.parent, out.name.removesuffix(named), named)
