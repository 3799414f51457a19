"""The scans on the command line: single files, or DICOM series of many files."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from cli.mask_targets import stem
from imaging.errors import BadRequest, SeveralScans
from imaging.formats.dicom.unpack import is_dicom
from imaging.formats.file_start import FileStart
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.joined_pair import data_file_of
from imaging.formats.limits import UNLIMITED

CHOICES = ("series", "stack", "volume")
"""What chooses one of several scans: options, by their names in a choice."""


@dataclass(frozen=True, slots=True)
class InputScan:
    """One scan on the command line."""

    path: Path
    """The path that its mask is named after; for a series of many files, their folder."""
    files: tuple[Path, ...]
    choice: Mapping[str, Any] = field(default_factory=dict)
    """Which of several scans is meant: values of `series`, `stack` and `volume`."""

    def prepare(self, folder: Path, selection: ScanSelection) -> Path:
        """A path that can be opened as a scan; a DICOM series is packed into `folder`, and the
        chosen part of a file that holds several scans is written there.

        Raises the error that refuses a series, and SeveralScans if there are several.
        """
        folder.mkdir(parents=True)
        selection = replace(selection, **self.choice)
        (scan,), _ = incoming_scans(self.files, folder, UNLIMITED, selection)
        return scan.path

    def each(self, selection: ScanSelection) -> "list[InputScan]":
        """Every scan of the files; a number is added to the names of masks. Localizers are left
        out, unless the files hold nothing else.

        Raises the error that refuses the files.
        """
        with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
            try:
                incoming_scans(self.files, Path(folder), UNLIMITED, selection)
            except SeveralScans as error:
                images = [one for one in error.choices if not one.get("localizer")]
                choices = images or list(error.choices)
            else:
                return [self]
        name = stem(self.path)
        ending = self.path.name.removeprefix(name)
        return [
            InputScan(
                self.path.with_name(f"{name}-{number}{ending}"),
                self.files,
                {name: choice[name] for name in CHOICES if choice.get(name) is not None},
            )
            for number, choice in enumerate(choices, 1)
        ]


def input_scans(paths: Sequence[Path]) -> list[InputScan]:
    """A scan for each path; two or more DICOM files together are one series.

    A header whose voxels are in a file beside it (.hdr and .img, .mhd and .raw) is read with it.

    Raises BadRequest for a path that does not exist and for an empty folder.
    """
    for path in paths:
        if not path.exists():
            raise BadRequest(
                f"The file {path} does not exist.",
                expected="A scan, or a folder of DICOM files.",
                hint="Check the path.",
            )
        if path.is_dir() and not any(path.iterdir()):
            raise BadRequest(
                f"The folder {path} is empty.",
                expected="A folder of DICOM files, or an OME-Zarr.",
                hint="Give a folder that holds a series.",
            )
    data = {path: data_file_of(path) for path in paths if path.is_file()}
    paths = [path for path in paths if path not in data.values()]
    slices = tuple(path for path in paths if path.is_file() and is_dicom(FileStart.of(path).head))
    if len(slices) < 2:
        return [_single(path, data.get(path)) for path in paths]
    others = [_single(path, data.get(path)) for path in paths if path not in slices]
    return [InputScan(slices[0].resolve().parent, slices), *others]


def _single(path: Path, data: Path | None) -> InputScan:
    """The scan at a path; `data`: the file with its voxels, where the path is only a header."""
    return InputScan(path, (path,) if data is None else (path, data))


@contextmanager
def listing_choices() -> Iterator[None]:
    """Lists the scans of SeveralScans on stderr, and raises BadRequest in its place."""
    try:
        yield
    except SeveralScans as error:
        raise _listed(error) from error


def _listed(error: SeveralScans) -> BadRequest:
    for choice in error.choices:
        options = (f"--{n} {choice[n]}" for n in CHOICES if choice.get(n) is not None)
        click.echo(
            f"  {' '.join(options)}   {choice['name']}, "
            f"{choice['slices']} x {choice['rows']} x {choice['columns']}"
            + (", a localizer" if choice.get("localizer") else ""),
            err=True,
        )
    used = [f"--{n}" for n in CHOICES if any(one.get(n) is not None for one in error.choices)]
    return BadRequest(
        error.detail,
        expected="One scan.",
        hint=f"Choose it with {' and '.join(used)}, as listed above.",
    )
