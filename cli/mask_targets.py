"""Where masks are written: a file for one scan, a folder for several."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.format import MaskFormat
from imaging.formats.mask_file import mask_endings
from imaging.formats.ome_zarr.read import is_ome_zarr


@dataclass(frozen=True, slots=True)
class MaskTarget:
    """The path of a mask; `ending` is None until it is known which format the mask is stored in."""

    folder: Path
    stem: str
    ending: str | None
    format: str | None = None
    """The mask format, where the ending does not state it: `scan.dcm` for a DICOM object."""

    def path(self, stored: str) -> Path:
        """The mask's path; `stored` is the format that the mask is stored in by itself."""
        ending = self.ending or registry.mask_format(stored).endings[0]
        return self.folder / (self.stem + ending)

    def format_of(self, stored: str) -> MaskFormat | None:
        """The format that the mask is written in; `stored` as for `path`."""
        if self.format is not None:
            return registry.mask_format(self.format)
        return registry.mask_format_of(self.path(stored).name)

    def possible_paths(self) -> list[Path]:
        """The path, or one for each format that a mask may be stored in."""
        return [self.path(one.name) for one in registry.stored_formats()]


def mask_targets(scans: Sequence[Path], out: Path, mask_format: str | None) -> list[MaskTarget]:
    """A target for each scan.

    Raises BadRequest where `out` and `mask_format` contradict each other, or where two masks would
    have the same path.
    """
    ending = registry.mask_format(mask_format).endings[0] if mask_format else None
    if len(scans) == 1 and out.suffix and (not out.is_dir() or _is_mask_folder(out)):
        return [_file_target(out, mask_format)]
    if len(scans) > 1 and registry.mask_ending(out.name):
        raise BadRequest(
            f"The masks of {len(scans)} scans cannot be written into one file, {out.name}.",
            expected="A folder, because there is more than one scan.",
            hint="Give a folder with --out.",
        )
    stems = [stem(scan) for scan in scans]
    counts = Counter(stems)
    duplicate = next((name for name in stems if counts[name] > 1), None)
    if duplicate is not None:
        raise BadRequest(
            f"Two scans have the name {duplicate}, so their masks would have the same name.",
            expected="A different name for each scan.",
            hint="Run the command twice, with two folders.",
        )
    return [MaskTarget(out, name, ending) for name in stems]


def check_no_overwrite(
    scans: Sequence[Path], targets: Sequence[MaskTarget], others: Sequence[Path]
) -> None:
    """Raises BadRequest if an output would overwrite a scan or another output.

    `others`: paths of outputs other than masks.
    """
    written = [
        path.resolve() for target in targets for path in dict.fromkeys(target.possible_paths())
    ]
    written += [path.resolve() for path in others]
    inputs = {path.resolve() for path in scans}
    clash = next((path for path in written if any(path.is_relative_to(k) for k in inputs)), None)
    if clash is not None:
        raise BadRequest(
            f"The output {clash.name} would overwrite a scan, or be written into its folder.",
            expected="A path that differs from the scan's.",
            hint="Give another folder or name with --out.",
        )
    if len(set(written)) < len(written):
        raise BadRequest(
            "Two outputs have the same path.",
            expected="A different path for each output.",
            hint="Change --out, --report or --preview.",
        )


def stem(path: Path) -> str:
    """The file name without its ending, such as `.nii.gz`."""
    return path.name.removesuffix(registry.mask_ending(path.name) or path.suffix)


def _is_mask_folder(out: Path) -> bool:
    """Whether a folder is an OME-Zarr mask, which an earlier run may have written."""
    return registry.mask_ending(out.name) is not None and is_ome_zarr(out)


def _file_target(out: Path, mask_format: str | None) -> MaskTarget:
    ending, by_name = registry.mask_ending(out.name), registry.mask_format_of(out.name)
    if ending is None and mask_format and out.name.endswith(registry.general_endings(mask_format)):
        return MaskTarget(out.parent, out.stem, out.suffix, mask_format)
    if ending is None or by_name is None:
        raise BadRequest(
            f"A mask cannot be written as '{out.suffix}'.",
            expected=f"A name that ends in one of {', '.join(mask_endings())}, or a folder.",
            hint="Change --out.",
        )
    if mask_format and mask_format != by_name.name:
        raise BadRequest(
            f"--format is {mask_format}, but the ending of --out stands for {by_name.name}.",
            expected="The same format in both.",
            hint="Omit --format, or change the ending.",
        )
    return MaskTarget(out.parent, out.name.removesuffix(ending), ending)
