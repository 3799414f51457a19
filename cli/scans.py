"""The scans that a command was given: files as they are, DICOM as packs of one series each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from imaging.errors import BadRequest, SeveralScans
from imaging.formats.dicom.unpack import is_dicom
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits

_START = 512
_ANY = Limits(1 << 62, 1 << 62, 1 << 62)
"""Of what lies on this machine already; the engine has limits of its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """One scan on the command line."""

    shown: Path
    """What its mask is named after: a series of many files stands under its folder."""
    files: tuple[Path, ...]

    def opened(self, folder: Path, asked: ScanSelection) -> Path:
        """What can be opened as the scan; a DICOM series is packed into `folder`.

        Raises what refuses a series; of several, the message lists them.
        """
        folder.mkdir(parents=True)
        try:
            (found,), _ = incoming_scans(self.files, folder, _ANY, asked)
        except SeveralScans as error:
            raise _listed(error) from error
        return found.path


def given(paths: Sequence[Path]) -> list[Given]:
    """A scan for each path, but several DICOM files are the files of one series.

    Raises BadRequest where nothing is at a path.
    """
    for path in paths:
        if not path.exists():
            raise BadRequest(f"There is no file {path}.", hint="Check the path.")
        if path.is_dir() and not any(path.iterdir()):
            raise BadRequest(f"The folder {path} is empty.", hint="Give one that holds a series.")
    slices = tuple(path for path in paths if path.is_file() and is_dicom(_start(path)))
    if len(slices) < 2:
        return [Given(path, (path,)) for path in paths]
    others = [Given(path, (path,)) for path in paths if path not in slices]
    return [Given(slices[0].resolve().parent, slices), *others]


def _listed(error: SeveralScans) -> BadRequest:
    for choice in error.choices:
        click.echo(
            f"  --series {choice['series']} --stack {choice['stack']}   {choice['name']}, "
            f"{choice['slices']} x {choice['rows']} x {choice['columns']}"
            + (", a localizer" if choice["localizer"] else ""),
            err=True,
        )
    return BadRequest(
        error.detail, expected="One.", hint="Choose it by --series and --stack, as listed above."
    )


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)
