"""The options of a scan that is given with a model, with or without the network's own mask."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cli.input_scans import InputScan, input_scans, listing_choices
from cli.subjects import subjects_of
from imaging.errors import BadRequest
from imaging.formats.incoming import ScanSelection
from imaging.formats.limits import UNLIMITED
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from models.given_case import GivenCase

_PATH = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class CaseOptions:
    """The values of the three options."""

    reference: tuple[Path, Path] | None
    sample: tuple[str, ...]
    sample_mask: Path | None

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> "CaseOptions":
        """Takes the options out of a command's values."""
        return cls(values.pop("reference"), values.pop("sample"), values.pop("sample_mask"))

    def refuse(self, what: str) -> None:
        """Raises BadRequest where an option is given; `what` cannot have a case."""
        if self != CaseOptions(None, (), None):
            raise BadRequest(
                f"{what} has no sample and no reference case.",
                expected="A model with a network of its own.",
                hint="Add each of its parts with a case.",
            )


def case_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --reference, --sample and --sample-mask."""
    options = (
        click.option(
            "--reference",
            nargs=2,
            type=_PATH,
            metavar="SCAN MASK",
            help="A scan, and the mask that the network gave for it in its original software. Each "
            "machine compares its own mask with it. Copies are stored with the model, without "
            "patient data. For several channels, use --sample and --sample-mask.",
        ),
        click.option(
            "--sample",
            multiple=True,
            metavar="SCAN",
            help="A scan on which each machine checks whether the network may run in a lower "
            "precision; with --reference it is not needed. For several channels: NAME=SCAN, once "
            "for each.",
        ),
        click.option(
            "--sample-mask",
            type=_PATH,
            metavar="MASK",
            help="The mask that the network gave for --sample, which makes it a reference.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def opened_case(options: CaseOptions) -> Iterator[GivenCase | None]:
    """The given case, whose scans can be read in the context; None where none is given.

    Raises BadRequest for options that contradict each other, and what opening a scan raises.
    """
    _check(options)
    if options.reference is None and not options.sample:
        yield None
        return
    if options.reference is not None:
        scan, mask = options.reference
        (subject,), masks = subjects_of((scan,), ()), [mask]
    else:
        (subject,) = _sample(options.sample)
        masks = [options.sample_mask] if options.sample_mask else []
    with tempfile.TemporaryDirectory(prefix="tessera-case-") as folder:
        opened = {
            name: _opened(scan, Path(folder) / f"scan-{name}") for name, scan in subject.items()
        }
        given = [_opened(mask, Path(folder) / "mask") for mask in input_scans(masks)]
        yield GivenCase(opened, given[0] if given else None)


def _check(options: CaseOptions) -> None:
    if options.reference is not None and (options.sample or options.sample_mask):
        raise BadRequest(
            "Both --reference and --sample are given.",
            expected="One case: --reference SCAN MASK, or --sample for each channel.",
            hint="A reference is the model's sample, too: omit --sample.",
        )
    if options.sample_mask is not None and not options.sample:
        raise BadRequest(
            "--sample-mask is given without --sample.",
            expected="The scan that the mask was made of.",
            hint="Add --sample SCAN, or for each channel --sample NAME=SCAN.",
        )


def _sample(values: Sequence[str]) -> list[dict[str, InputScan]]:
    """One subject: a single scan, or a scan for each channel."""
    if len(values) == 1 and (Path(values[0]).exists() or "=" not in values[0]):
        return subjects_of((Path(values[0]),), ())
    return subjects_of((), tuple(values))


def _opened(scan: InputScan, folder: Path) -> Scan:
    with listing_choices():
        path = scan.prepare(folder, ScanSelection())
    return open_scan(path, UNLIMITED, folder)
