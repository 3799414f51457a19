"""`tessera models describe model.onnx`: what is derived from a network's file."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def describe_network(path: Path, output: str, *, as_card: bool) -> None:
    """Prints what is derived, as a table or as a card to fill in."""
    from inference.networks.reach_probe import proved
    from models.card_template import card_template
    from models.onnx_graph.derive import derive
    from models.onnx_graph.network_file import read_network
    from models.onnx_graph.servable import check_servable

    network = read_network(path, output)
    check_servable(network)
    facts = proved(network, derive(network))
    if as_card:
        click.echo(json.dumps(card_template(facts), indent=2))
        return
    tiling = facts.tiling
    unknown = "not derivable: state it in the card"
    lines = {
        "input": f"'{network.input.name}', channels: {facts.in_channels or 'any'}",
        "output": f"'{network.output}', channels: {facts.out_channels or 'unknown'}",
        "dimension": str(facts.dimension),
        "other outputs": ", ".join(network.other_outputs),
        "opset": str(network.opset),
        "parameters": f"{facts.parameters:,}",
        "padding": tiling.padding if tiling else unknown,
        "halo": _times(tiling.halo) if tiling else unknown,
        "align": _times(tiling.align) if tiling else unknown,
        "legal sizes": f"{_times(tiling.minimum)} plus multiples of align" if tiling else unknown,
        "exact": "yes: all layers are local, and a probe of the network reads what was derived"
        if facts.exact
        else f"no: {facts.reason}",
    }
    table = Table(box=None, show_header=False)
    for name, value in lines.items():
        if value:
            table.add_row(f"[bold]{name}[/]", escape(value))
    Console().print(table)


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
