"""Adds a verified model and prepares it for this machine, for `tessera models add` and `import`."""

from pathlib import Path

import click

from cli.model_registry import registry
from imaging.errors import TesseraError
from jobs.settings import Settings
from models.registry import Model


def add_verified(folder: Path) -> Model:
    """Verifies the draft in `folder` and adds it; raises what `Registry.add` raises."""
    from inference.verify import verify

    return registry().add(folder, verify)


def prepare(model: Model) -> None:
    """Loads an added model on this machine's device and prints where it runs, and how precisely."""
    from inference.engine import Engine

    settings = Settings()
    engine = Engine(
        registry(),
        settings.device,
        settings.memory_bytes,
        settings.threads,
        cache=settings.cache_folder,
    )
    try:
        ready = engine.prepare(model)
    except (TesseraError, MemoryError) as error:
        click.echo(f"It could not be run on this machine's device: {error}")
    else:
        device = ready.device
        click.echo(f"On this machine it runs on {device.name} in {device.precision}.")
        if ready.fallback:
            click.echo(ready.fallback)
