"""`tessera export`"""

from pathlib import Path

import click


@click.command("export")
@click.argument("checkpoint", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder of the model."
)
def command(checkpoint: Path, out: Path) -> None:
    """Export CHECKPOINT of a training as a model: model.onnx and card.json.

    Needs the extra `train`.
    """
    from models.export import export

    card = export(checkpoint, out)
    click.echo(f"{card.name} {card.version}: halo {card.halo}, align {card.align}, in {out}")
