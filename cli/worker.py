"""`tessera worker`"""

import click

from jobs.settings import Settings


@click.command("worker")
@click.option("--device", help="auto, cpu, openvino, cuda or tensorrt.")
def command(device: str | None) -> None:
    """Run one worker alone; everything else comes from TESSERA_* in the environment."""
    from workers.app import run_worker

    settings = Settings()
    run_worker(settings.model_copy(update={"device": device}) if device else settings)
