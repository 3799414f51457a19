"""Options that `tessera segment` and `tessera batch` have in common."""

from collections.abc import Callable
from typing import Any

import click

from cli.tile_size import TileSize
from imaging.formats import registry

model_option = click.option(
    "--model", required=True, help="Name of a model that `tessera models` lists."
)
tile_option = click.option(
    "--tile",
    type=TileSize(),
    help="Largest tile, in voxels per axis; rounded down to a size that the model allows.",
)
resample_option = click.option(
    "--resample",
    is_flag=True,
    help="Resample DICOM slices that are tilted, missing or unevenly spaced, instead of refusing "
    "them.",
)
server_option = click.option(
    "--server", metavar="URL", help="Segment on this Tessera server instead of here."
)


def format_option(default: str) -> Callable[..., Any]:
    """--format; `default`: what holds without it."""
    return click.option(
        "--format",
        "mask_format",
        type=click.Choice(registry.names(registry.MASK_FORMATS)),
        help=f"Format of the mask; by default, {default}.",
    )


def priority_option(default: int) -> Callable[..., Any]:
    """--priority"""
    return click.option(
        "--priority",
        type=click.IntRange(0, 9),
        default=default,
        show_default=True,
        help="Priority in the server's queue; 9 is the highest.",
    )
