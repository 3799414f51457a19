"""Where masks go: a file for one scan, a folder for several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.mask_file import SUFFIXES


@dataclass(frozen=True, slots=True)
class Target:
    """A mask's place; `suffix` is None until the mask's own format is known."""

    folder: Path
    stem: str
    suffix: str | None

    def path(self, natural: str) -> Path:
        """The file; `natural` is the format (nifti, png) that the mask has by itself."""
        return self.folder / (self.stem + (self.suffix or SUFFIXES[natural]))


def targets(scans: Sequence[Path], out: Path, form: str | None) -> list[Target]:
    """A target per scan; raises BadRequest where names contradict or two masks share one."""
    suffix = SUFFIXES[form] if form else None
    if len(scans) == 1 and not out.is_dir() and out.suffix:
        return [_file(out, suffix)]
    names = [stem(scan) for scan in scans]
    if len(set(names)) < len(names):
        raise BadRequest(
            "Two scans have the same name, and their masks would too.",
            todo="Give them in two calls, with two folders.",
        )
    return [Target(out, name, suffix) for name in names]


def stem(path: Path) -> str:
    """The name without .nii.gz or whatever the ending is."""
    return path.name[:-7] if path.name.endswith(".nii.gz") else path.stem


def _file(out: Path, suffix: str | None) -> Target:
    named = next((end for end in (".nii.gz", ".nii", ".png") if out.name.endswith(end)), None)
    if named is None:
        raise BadRequest(
            f"A mask cannot be written as '{out.suffix}'.",
            expected="A name that ends in .nii.gz, .nii or .png, or a folder.",
            todo="Change --out.",
        )
    if suffix and (suffix == ".png") != (named == ".png"):
        raise BadRequest("--format and the name given by --out contradict each other.")
    return Target(out.parent, out.name.removesuffix(named), named)
