"""`tessera models add`"""

from pathlib import Path
from typing import Any

import click

from cli.add_model import add_verified, prepare
from cli.combine_models import add_combination
from cli.fine_tuned import check_better
from cli.given_case import CaseOptions, case_options, opened_case
from models.any_card import lists_parts
from models.combination import Combination


@click.command("add")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    default="",
    metavar="NAME",
    help="Output of a network that has several. By default the first.",
)
@click.option(
    "--even-if-worse",
    is_flag=True,
    help="Add a fine-tuned model although it is worse than its parent on the held-out cases.",
)
@case_options
def command(folder: Path, output: str, even_if_worse: bool, **case: Any) -> int:
    """Add your own model: FOLDER contains a network in ONNX and card.json, or the card.json of a
    model that is made of others.

    What follows from the network need not be in the card: padding, halo, align, minimum, exact.
    They are derived, and what the card states of them is checked. Then the network is run. On its
    sample or reference it is also checked whether this machine may run it in a lower precision
    than fp32, and whether it gives the reference's mask.

    A model that was fine-tuned from one of the same name becomes a version of it, NAME@VERSION.
    Jobs that name NAME keep using the model that was there before.
    """
    given = CaseOptions.taken_from(case)
    if lists_parts(folder / "card.json"):
        given.refuse("A model that is made of others")
        add_combination(Combination.load(folder / "card.json"))
        return 0
    check_better(folder, even_if_worse=even_if_worse)
    with opened_case(given) as opened:
        model = add_verified(folder, output, opened)
    click.echo(f"Checked and added: {model.card.full_name} {model.card.version}.")
    return prepare(model)
