"""The option `--precision`, the same for every command that runs a network."""

import click

from inference.runtime_registry import PRECISIONS

BOTH = "both"
"""What `tessera evaluate` accepts in addition: fp32 and the lowest precision of the hardware."""
_HELP = "Precision of the network; auto uses a lower one than fp32 if the network tolerates it."

precision_option = click.option(
    "--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True, help=_HELP
)
precision_or_both_option = click.option(
    "--precision",
    type=click.Choice((*PRECISIONS, BOTH)),
    default="auto",
    show_default=True,
    help=f"{_HELP} {BOTH} evaluates in fp32 and in the lowest precision of the hardware.",
)
