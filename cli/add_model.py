"""Adds a verified model and prepares it for this machine, for `tessera models add` and `import`."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.model_registry import registry
from imaging.errors import TesseraError
from jobs.settings import Settings
from models.registry import Model


def add_verified(folder: Path, output: str = "") -> Model:
    """Completes the card in `folder`, verifies the network and adds both; prints notes.

    `output`: the network's output that is used; empty: the first. Raises BadModel where card and
    network do not fit, and what `Registry.add` raises.
    """
    from inference.networks.reach_probe import proved
    from inference.verify import verify
    from models.completed_card import completed

    with TemporaryDirectory(prefix="tessera-add-") as draft:
        for note in completed(folder, Path(draft), proved, output):
            click.echo(f"Note: {note}")
        return registry().add(Path(draft), verify)


def prepare(model: Model) -> None:
    """Loads an added model on this machine's device and prints where it runs, and how precisely.

    A worker of this machine that prepares it, too, waits meanwhile, or is waited for.
    """
    from inference.engine import Engine
    from workers.machine_turn import machine_turn

    settings = Settings()
    engine = Engine(
        registry(),
        settings.device,
        settings.memory_bytes,
        settings.threads,
        cache=settings.cache_folder,
    )
    try:
        with machine_turn(settings.cache_folder, wait=True):
            ready = engine.prepare(model)
    except (TesseraError, MemoryError) as error:
        click.echo(f"It could not be run on this machine's device: {error}")
    else:
        device = ready.device
        click.echo(f"On this machine it runs on {device.name} in {device.precision}.")
        if ready.verdict is not None:
            click.echo(ready.verdict.reason)
        if ready.fallback:
            click.echo(ready.fallback)
