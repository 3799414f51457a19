"""`tessera bench`"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cli.device_option import device_option
from cli.model_registry import registry
from cli.precision_option import precision_option
from cli.tile_size import TileSize
from imaging.scan import Scan, in_memory
from inference.engine import Engine
from inference.options import RunOptions
from jobs.private_files import private_cache
from jobs.settings import Settings
from models.card_parts import Channel
from models.registry import AnyModel

_EDGE = {2: 1024, 3: 96}
"""Dimension -> voxels per axis of the scan, if --shape is omitted."""


@dataclass(frozen=True, slots=True)
class _Timing:
    """The medians of several runs."""

    seconds: float
    network_seconds: float
    tiles: int
    device: str


@click.command("bench")
@click.option("--model", "name", required=True, help="Name of a model that `tessera models` lists.")
@click.option(
    "--shape",
    type=TileSize(),
    help="Shape of the scan of noise; by default 96 voxels per axis in 3D, 1024 pixels in 2D.",
)
@click.option(
    "--tile",
    "tiles",
    type=TileSize(),
    multiple=True,
    help="Also measure with tiles of at most this size; may be given several times.",
)
@device_option
@precision_option
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Number of measured runs per row, after one run that is not measured.",
)
def command(
    name: str,
    shape: tuple[int, ...] | None,
    tiles: tuple[tuple[int, ...], ...],
    device: str,
    precision: str,
    runs: int,
) -> None:
    """Measure how fast a model runs on this machine.

    The model segments a scan of noise, from array to mask. The table shows the medians of the runs.
    """
    model = registry().get(name)
    dimension = model.card.dimension
    sides = shape or (_EDGE[dimension],)
    grid = sides * dimension if len(sides) == 1 else sides
    scans = {channel.name: _scan(grid, channel) for channel in model.card.channels}
    title = f"{name} on {' x '.join(map(str, grid))}"
    table = Table("tile", "tiles", "s", "network s", "Mvoxel/s", box=None, title=title)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(
            registry(), scratch=Path(folder), cache=private_cache(Settings().cache_folder)
        )
        for tile in (None, *tiles):
            timing = _timing(engine, scans, model, RunOptions(device, precision, tile), runs)
            rate = np.prod(grid) / 1e6 / timing.seconds
            row = (timing.seconds, timing.network_seconds, rate)
            size = "x".join(map(str, tile)) if tile else "planned"
            table.add_row(size, str(timing.tiles), *(f"{value:.3f}" for value in row))
    table.caption = f"{timing.device}; median of {runs} runs"
    Console().print(table)


def _timing(
    engine: Engine, scans: Mapping[str, Scan], model: AnyModel, options: RunOptions, runs: int
) -> _Timing:
    engine.run(scans, model, options)
    seconds, network_seconds = [], []
    for _ in range(runs):
        start = perf_counter()
        record = engine.run(scans, model, options).record
        seconds.append(perf_counter() - start)
        network_seconds.append(record.seconds["network"])
    return _Timing(
        seconds=median(seconds),
        network_seconds=median(network_seconds),
        tiles=record.tiles,
        device=f"{record.device}, {record.precision}",
    )


def _scan(grid: tuple[int, ...], channel: Channel) -> Scan:
    """Noise; for a channel that is a label map, one without labels."""
    values: NDArray[Any] = np.zeros((1, *grid), np.uint8)
    if not channel.label_values:
        noise = np.random.default_rng(0).normal(100, 20, (channel.components, *grid))
        values = noise.astype(np.float32)
    return in_memory(values, (1.0,) * len(grid))
