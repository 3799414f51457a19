"""`tessera worker`"""

import click

from cli.training_process import TRAINING_COMMAND
from cli.uncollected import uncollected
from inference.runtime_registry import device_help, device_names
from jobs.private_files import keep_private
from jobs.settings import Settings
from workers.supervisor import Supervisor


@click.command("worker")
@click.option(
    "--device",
    type=click.Choice(device_names()),
    help=f"{device_help()}  [default: TESSERA_DEVICE]",
)
def command(device: str | None) -> None:
    """Run only a worker. Configured by TESSERA_* environment variables."""
    settings = Settings()
    keep_private(settings.data)
    settings = settings.model_copy(update={"device": device}) if device else settings
    worker = Supervisor(settings).start()

    with uncollected():
        from workers.worker import run_worker  # in the worker's process alone

    run_worker(settings, worker.name, worker.report_ready, TRAINING_COMMAND)
