"""`tessera train`"""

from pathlib import Path

import click


@click.command("train")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("training"),
    show_default=True,
    help="Folder of checkpoints and figures; a run that stopped goes on from there.",
)
def command(config: Path, out: Path) -> None:
    """Train a network as CONFIG (TOML) says. Needs the extra `train`."""
    from models.training.train import train

    train(config, out)
