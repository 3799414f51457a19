"""The option `--precision`, the same for every command that runs a network."""

import click

from inference.runtime_registry import PRECISIONS

precision_option = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="Precision of the network; auto uses a lower one than fp32 if the mask stays the same.",
)
