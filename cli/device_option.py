"""The option `--device`, the same for every command that runs a network."""

import click

from inference.runtime_registry import AUTO, device_help, device_names

device_option = click.option(
    "--device",
    type=click.Choice(device_names()),
    default=AUTO,
    show_default=True,
    help=device_help(),
)
