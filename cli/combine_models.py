"""`tessera models combine`: makes a model of several others"""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import ValidationError

from cli.finite_range import FiniteRange
from cli.label_value import LabelValueType
from cli.model_registry import changing_registry, registry
from imaging.errors import BadRequest
from imaging.given_mask import DEFAULT_MARGIN_MM, MAX_MARGIN_MM
from models.card_parts import Within
from models.combination import Combination
from models.painted_parts import painted_parts


@click.command("combine")
@click.argument("name")
@click.option(
    "--part",
    "parts",
    multiple=True,
    required=True,
    metavar="MODEL",
    help="A model whose labels are painted; may be given several times. Later parts are painted "
    "over earlier ones.",
)
@click.option(
    "--label",
    "stated",
    multiple=True,
    type=LabelValueType(),
    help="Value of a label in the masks; 0 leaves the label out. Others are numbered in the order "
    "of the parts.",
)
@click.option(
    "--labels",
    "table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The same for many labels: a JSON file with an object of names and values, as `labels` in "
    "nnU-Net's dataset.json.",
)
@click.option(
    "--within",
    metavar="MODEL",
    help="A coarse model that runs first. The parts run only in the box of its labels.",
)
@click.option(
    "--within-label",
    "within_labels",
    multiple=True,
    metavar="NAME",
    help="A label of that model around which the box is; may be given several times. By default "
    "all labels.",
)
@click.option(
    "--margin",
    "margin_mm",
    type=FiniteRange(0, MAX_MARGIN_MM),
    default=DEFAULT_MARGIN_MM,
    show_default=True,
    help="Margin around that box in mm; in pixels for an image without a pixel size.",
)
@click.option("--title", default="", help="Title for lists; by default the name.")
@click.option("--version", default="1", show_default=True, help="Version of the model.")
def command(
    name: str,
    parts: Sequence[str],
    stated: Sequence[tuple[str, int]],
    table: Path | None,
    within: str | None,
    within_labels: Sequence[str],
    margin_mm: float,
    title: str,
    version: str,
) -> None:
    """Make the model NAME of several others, whose labels are painted into one mask.

    Labels of the same name are one label. The parts stay models of their own.
    """
    models = registry()
    cards = [models.network(part).card for part in parts]
    values = (_table(table) if table else {}) | dict(stated)
    box = Within(model=within, labels=tuple(within_labels), margin_mm=margin_mm) if within else None
    try:
        combination = Combination(
            name=name,
            version=version,
            title=title or name,
            parts=painted_parts(cards, values),
            within=box,
        )
    except ValidationError as error:
        raise BadRequest(
            f"The model is not valid: {error.errors()[0]['msg']}.",
            expected="A name of 1 to 64 characters (a to z, 0 to 9, `.`, `_`, `-`), and each "
            "model as a part once.",
            hint="Correct the command.",
        ) from error
    add_combination(combination)


def add_combination(combination: Combination) -> None:
    """Adds the card, and prints what the values of its masks mean.

    Raises BadModel where a part, or the model that finds the box, is not available or does not fit.
    """
    from inference.needed_model import check_needed

    with changing_registry() as models:
        check_needed(models.combined(combination).card, models)
        card = models.add_combination(combination).card
    click.echo(
        f"Added: {card.name} {card.version}, made of {', '.join(p.model for p in card.parts)}."
    )
    click.echo(", ".join(f"{label.value} {label.name}" for label in card.labels))


def _table(path: Path) -> dict[str, int]:
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(type(value) is int for value in values.values()):
        raise BadRequest(
            "The file of labels is not valid.",
            expected='A JSON object of names and values, such as {"liver": 1, "spleen": 2}.',
            hint="Correct the file.",
        )
    return values
