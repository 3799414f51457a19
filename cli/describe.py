"""`tessera models describe`: layers and costs of a network to be trained, or an ONNX file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from cli.describe_network import describe_network
from models.nets.architecture import layers
from models.nets.config import UNetConfig
from models.nets.cost import cost, multiply_adds, parameters
from models.nets.layer import Layer
from models.nets.receptive_field import ReceptiveField, is_local, receptive_field, seen, sizes
from models.training.config import TrainingConfig

MEBIBYTE = 2**20


@click.command("describe")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--tile",
    type=click.IntRange(1, 4096),
    default=128,
    show_default=True,
    help="For a training: voxels per axis of the input, rounded up to a legal size.",
)
@click.option("--card", is_flag=True, help="For an ONNX file: print a card to fill in, as JSON.")
@click.option(
    "--output",
    default="",
    metavar="NAME",
    help="For an ONNX file with several outputs: the one that is used. By default the first.",
)
def command(file: Path, tile: int, card: bool, output: str) -> None:
    """Describe the network of FILE, a training's TOML file or an ONNX file.

    For a training, its layers and what they cost are printed. The figures are computed: nothing is
    trained or run, and torch is not needed. For an ONNX file, it is printed how it can be tiled:
    halo, align, legal sizes, padding, and whether it is exact.
    """
    if file.suffix.lower() != ".toml":
        describe_network(file, output, as_card=card)
        return
    unet = TrainingConfig.load(file).network.unet()
    field = receptive_field(unet)
    console = Console()
    console.print(_layers(unet, field.legal(tile)))
    console.print(_totals(unet, field, field.legal(tile)))


@dataclass(frozen=True, slots=True)
class _Row:
    """A layer, together with the norm and activation that follow it."""

    name: str
    what: str
    channels: int
    size: int
    sees: int | None
    """Input voxels along an axis that the layer depends on; None: the whole tile."""
    parameters: int
    multiply_adds: float


def _layers(unet: UNetConfig, tile: int) -> Table:
    table = Table("layer", "what", box=None, header_style="bold")
    for title in ("channels", "size", "sees", "parameters", "multiply-adds / voxel"):
        table.add_column(title, justify="right")
    for row in _rows(unet, tile):
        table.add_row(
            row.name,
            row.what,
            str(row.channels),
            _times(row.size, unet.dimension),
            "the tile" if row.sees is None else str(row.sees),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.multiply_adds:,.2f}" if row.multiply_adds else "",
        )
    return table


def _rows(unet: UNetConfig, tile: int) -> Iterator[_Row]:
    program, axes = layers(unet), unet.dimension
    local = seen(program)
    whole = [False] * len(program)
    row: _Row | None = None
    for index, (layer, size) in enumerate(zip(program, sizes(program, tile), strict=True)):
        whole[index] = layer.fixed or any(whole[source] for source in layer.sources)
        own, work = parameters(program, layer, axes), multiply_adds(program, layer, axes)
        if row and layer.kind in ("norm", "activation", "dropout"):
            row = replace(
                row, what=f"{row.what}, {_what(layer, axes)}", parameters=row.parameters + own
            )
            continue
        if row:
            yield row
        spans = [last - first + 1 for first, last in local[index]]
        sees = None if whole[index] else max(spans)
        row = _Row(layer.name, _what(layer, axes), layer.channels, size, sees, own, work)
    if row:
        yield row


def _what(layer: Layer, axes: int) -> str:
    if layer.kind == "convolution":
        groups = f", {layer.groups} groups" if layer.groups > 1 else ""
        apart = f", dilation {layer.dilation}" if layer.dilation > 1 else ""
        return f"{_times(layer.kernel, axes)} convolution{groups}{apart}"
    said = {
        "norm": "batch norm",
        "activation": layer.function.replace("_", " "),
        "pool": f"max-pool {_times(2, axes)}",
        "maximum": f"max-pool {_times(layer.kernel, axes)}, stride 1",
        "up": f"transposed convolution {_times(2, axes)}",
        "interpolate": "linear interpolation by 2",
        "crop": f"crop {layer.crop} on each side",
        "average": f"means of {_times(layer.bins, axes)} parts" if layer.bins > 1 else "means",
        "spread": "linear interpolation back",
    }
    return said.get(layer.kind, layer.kind)


def _totals(unet: UNetConfig, field: ReceptiveField, tile: int) -> Table:
    table = Table(box=None, show_header=False)
    costs, voxels = cost(unet), tile**unet.dimension
    given = _times(field.output(tile), unet.dimension)
    lines = {
        "parameters": f"{costs.parameters:,}",
        "multiply-adds": f"{costs.multiply_adds_per_voxel:,.0f} per output voxel",
        "memory": f"{costs.bytes_per_voxel:,.0f} bytes per input voxel (fp32); a tile of "
        f"{_times(tile, unet.dimension)} takes {costs.bytes_per_voxel * voxels / MEBIBYTE:,.0f} "
        f"MiB and gives {given}",
        "tiling": f"padding {field.padding}, halo {field.halo}, align {field.align}, legal sizes "
        f"{field.minimum} + n * {field.align}",
        "exact": "yes: all layers are local; the export verifies it"
        if is_local(unet)
        else "no: some layers depend on the whole tile, so the network runs in one pass",
        "blocks": _compared(unet),
    }
    for name, value in lines.items():
        table.add_row(f"[bold]{name}[/]", value)
    return table


def _compared(unet: UNetConfig) -> str:
    """Comparison with plain blocks, or of a plain network with separable blocks."""
    other = replace(unet, block="separable" if unet.block == "plain" else "plain")
    mine, theirs = cost(unet), cost(other)
    weights = theirs.parameters / mine.parameters
    work = theirs.multiply_adds_per_voxel / mine.multiply_adds_per_voxel
    return (
        f"{unet.block}; with {other.block} ones {theirs.parameters:,} parameters ({weights:.2f} "
        f"times) and {theirs.multiply_adds_per_voxel:,.0f} multiply-adds ({work:.2f} times)"
    )


def _times(size: int, axes: int) -> str:
    return "x".join([str(size)] * axes)
