"""The options of a mask that is given with a scan."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cli.finite_range import FiniteRange
from cli.input_scans import InputScan, input_scans
from imaging.errors import BadRequest
from imaging.given_mask import DEFAULT_MARGIN_MM, GIVEN_MASK, MASK_USES, MAX_MARGIN_MM


def mask_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --mask, --mask-use and --margin."""
    options = (
        click.option(
            "--mask",
            type=click.Path(path_type=Path),
            help="A label map on the grid of the scan, to be used as --mask-use states.",
        ),
        click.option(
            "--mask-use",
            type=click.Choice(MASK_USES),
            default=MASK_USES[0],
            show_default=True,
            help="crop: segment only the bounding box of the labels of --mask. start: take --mask "
            "as the result, to correct it; no network runs.",
        ),
        click.option(
            "--margin",
            "margin_mm",
            type=FiniteRange(0, MAX_MARGIN_MM),
            default=DEFAULT_MARGIN_MM,
            show_default=True,
            help="Margin around that box in mm; in pixels for an image without a pixel size.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def with_given_mask(
    subjects: Sequence[dict[str, InputScan]], mask: Path | None
) -> list[dict[str, InputScan]]:
    """The subjects, with the mask for the only one; raises BadRequest where there are several."""
    if mask is None:
        return list(subjects)
    if len(subjects) > 1:
        raise BadRequest(
            f"--mask is for one scan, but there are {len(subjects)}.",
            expected="One scan.",
            hint="Segment the scans one by one, each with its mask.",
        )
    (given,) = input_scans([mask])
    return [subject | {GIVEN_MASK: given} for subject in subjects]
