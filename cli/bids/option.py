"""`tessera segment --bids`"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cli.bids.data_set import is_data_set, subjects
from cli.bids.derivative import BidsDerivative
from cli.input_scans import InputScan, input_scans
from cli.segmenters import Segmenter
from cli.subjects import channel_values, subjects_of
from imaging.counted import counted
from imaging.errors import BadRequest
from imaging.formats.nifti.format import MASK


def bids_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --bids."""
    return click.option(
        "--bids",
        is_flag=True,
        help="Write masks to --out as a BIDS derivative data set. SCANS may then be a BIDS data "
        "set, whose images are all segmented; --channel NAME=SUFFIX chooses them, such as t1=T1w.",
    )(command)


def check_options(mask_format: str | None) -> None:
    """Raises BadRequest for options that BIDS does not allow."""
    if mask_format not in (None, MASK.name):
        raise BadRequest(
            f"--format is {mask_format}, but masks in BIDS are NIfTI.",
            expected="--bids without --format.",
            hint="Omit one of the two.",
        )


def bids_subjects(
    scans: Sequence[Path], channels: Sequence[str], segmenter: Segmenter, out: Path
) -> tuple[BidsDerivative, list[dict[str, InputScan]]]:
    """Where masks are written, and the scans of each of them.

    Says on stderr how many subjects of a data set lack a scan of a channel.
    """
    description = segmenter.mask_description()
    roots = [path for path in scans if is_data_set(path)]
    if not roots:
        return BidsDerivative(out, description), subjects_of(tuple(scans), tuple(channels))
    if len(scans) > 1:
        raise BadRequest(
            "A BIDS data set is given together with other scans.",
            expected="One data set, or scans.",
            hint="Run the command once for each data set.",
        )
    (root,) = roots
    chosen = images_of(root, channels, segmenter)
    return BidsDerivative(out, description, root), [
        {name: input_scans([path])[0] for name, path in one.items()} for one in chosen
    ]


def images_of(root: Path, channels: Sequence[str], segmenter: Segmenter) -> list[dict[str, Path]]:
    """Channel -> image, for each subject of the data set; says on stderr how many lack a scan.

    `channels`: the values of --channel, NAME=SUFFIX.
    """
    chosen, incomplete = subjects(root, segmenter.channels(), channel_values(channels))
    if incomplete:
        left_out = counted(incomplete, "image is left out; its", "images are left out; their")
        click.echo(
            f"Note: {left_out} session lacks another channel of the "
            "model, or has several images of its kind.",
            err=True,
        )
    return chosen
