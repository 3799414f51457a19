"""`tessera bench`"""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from cli.device_option import device_option
from cli.models import registry
from cli.tile_size import TileSize
from imaging.scan import Scan, in_memory
from inference.engine import Engine
from inference.options import PRECISIONS, RunOptions
from jobs.settings import Settings


@click.command("bench")
@click.option("--model", "name", required=True, help="A name that `tessera models` lists.")
@click.option("--shape", type=TileSize(), help="Of a scan of noise; default 96 or 1024 an axis.")
@click.option("--tile", "tiles", type=TileSize(), multiple=True, help="Also with these tiles.")
@device_option
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
@click.option("--runs", type=click.IntRange(1, 100), default=3, show_default=True)
def command(
    name: str,
    shape: tuple[int, ...] | None,
    tiles: tuple[tuple[int, ...], ...],
    device: str,
    precision: str,
    runs: int,
) -> None:
    """Time a model on this machine, from array to mask, on noise; medians, side by side."""
    model = registry().get(name)
    dimension = model.card.dimension
    sides = shape or ((96,) if dimension == 3 else (1024,))
    grid = sides * dimension if len(sides) == 1 else sides
    scans = {channel.name: _noise(grid, channel.components) for channel in model.card.channels}
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(registry(), scratch=Path(folder), cache=Settings().cache_folder)
        table = Table(
            "tile",
            "tiles",
            "s",
            "network s",
            "Mvoxel/s",
            box=None,
            title=f"{name} on {' x '.join(map(str, grid))}",
        )
        for tile in (None, *tiles):
            options = RunOptions(device, precision, tile)
            engine.run(scans, model, options)
            seconds, network = [], []
            for _ in range(runs):
                began = perf_counter()
                result, used = engine.run(scans, model, options)
                seconds.append(perf_counter() - began)
                network.append(result.seconds["network"])
            row = (median(seconds), median(network), np.prod(grid) / 1e6 / median(seconds))
            wish = "x".join(map(str, tile)) if tile else "planned"
            table.add_row(wish, str(len(result.plan)), *(f"{value:.3f}" for value in row))
    table.caption = f"{used.name}, {used.precision}; median of {runs} runs"
    Console().print(table)


def _noise(grid: tuple[int, ...], components: int) -> Scan:
    values = np.random.default_rng(0).normal(100, 20, (components, *grid)).astype(np.float32)
    return in_memory(values, (1.0,) * len(grid))
