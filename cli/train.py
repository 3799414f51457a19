"""`tessera train`"""

from pathlib import Path
from typing import Any

import click

from cli.finite_range import FiniteRange

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("train")
@click.argument(
    "config", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--out",
    type=_FOLDER,
    default=Path("training"),
    show_default=True,
    help="Folder of checkpoints and scores. A training that was stopped continues from it.",
)
@click.option(
    "--data",
    type=_FOLDER,
    default=Path(),
    help="Folder that the paths in CONFIG are relative to; by default the working folder. With "
    "--start, the folder of `tessera dataset export`.",
)
@click.option(
    "--start",
    metavar="MODEL",
    help="Fine-tune this model instead of training as CONFIG describes: a name that `tessera "
    "models` lists, the folder of a model, or that of a training.",
)
@click.option("--steps", type=click.IntRange(1), help="With --start: steps.  [default: 300]")
@click.option(
    "--learning-rate",
    type=FiniteRange(min=0),
    help="With --start: highest learning rate.  [default: 0.0003]",
)
@click.option("--seed", type=click.IntRange(0), help="With --start: seed of all random numbers.")
@click.option(
    "--version",
    help="With --start: version of the new model; by default the number after the newest one.",
)
@click.option("--threads", type=click.IntRange(0), help="With --start: CPU threads; 0: all.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="With --start: where to train."
)
@click.option(
    "--publish",
    is_flag=True,
    help="With --start: add the new version to this machine's models, unless it is worse.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="With --start: write progress and result as one JSON object per line.",
)
def command(
    config: Path | None,
    out: Path,
    data: Path,
    start: str | None,
    publish: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train a network as described in CONFIG, a TOML file, or fine-tune a model with --start.

    Needs the extra `train`.
    """
    if publish and as_json:
        raise click.UsageError("--json and --publish exclude each other.")
    chosen = {name: value for name, value in options.items() if value is not None}
    if (config is None) == (start is None):
        raise click.UsageError("Give CONFIG, or --start with a model.")
    if start is not None:
        from cli.fine_tune import fine_tune_model

        return fine_tune_model(start, data, out, chosen, publish=publish, as_json=as_json)
    if chosen or publish or as_json:
        raise click.UsageError("These options need --start; CONFIG states all others.")
    from cli.train_config import train_as_configured

    train_as_configured(config or Path(), out, data)
    return 0
