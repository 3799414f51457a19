"""`tessera worker`"""

import click

from inference.runtime_registry import device_help, device_names
from jobs.settings import Settings


@click.command("worker")
@click.option(
    "--device",
    type=click.Choice(device_names()),
    help=f"{device_help()}  [default: TESSERA_DEVICE]",
)
def command(device: str | None) -> None:
    """Run only a worker. Configured by TESSERA_* environment variables."""
    from workers.worker import run_worker

    settings = Settings()
    run_worker(settings.model_copy(update={"device": device}) if device else settings)
