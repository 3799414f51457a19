"""`tessera models record`: writes the accuracy in both precisions into a card"""

from pathlib import Path

import click

from cli.evaluation_file import EvaluationFile
from cli.finite_range import FiniteRange
from cli.model_registry import registry
from imaging.counted import counted
from imaging.errors import BadModel, BadRequest
from models.accuracy import DEFAULT_MARGIN, LARGEST_DIFFERENCE, Accuracy
from models.card import ModelCard
from models.registry import Model

_DECIMALS = 5


@click.command("record")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("evaluation", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--data",
    required=True,
    help="Which cases were evaluated, and whether the network was trained or chosen on them.",
)
@click.option(
    "--margin",
    type=FiniteRange(min=0, max=1),
    default=DEFAULT_MARGIN,
    show_default=True,
    help="How much less similar to fp32 the sample's mask may be on another machine.",
)
def command(folder: Path, evaluation: Path, data: str, margin: float) -> None:
    """Record a model's accuracy in fp32 and in a lower precision.

    FOLDER contains model.onnx and card.json, EVALUATION is the file that `tessera evaluate
    --precision both --json` wrote. The sample is segmented in both precisions on this machine, and
    the record is written into card.json.
    """
    model = Model(ModelCard.load(folder / "card.json"), folder)
    measured = EvaluationFile.load(evaluation)
    measured.check_model(model.card)
    accuracy = _accuracy(model, measured, data, margin)
    model.card.model_copy(update={"accuracy": accuracy}).save(folder / "card.json")
    name, difference = accuracy.largest_difference
    click.echo(
        f"Recorded: {counted(accuracy.cases, 'case')} in fp32 and {accuracy.precision}; the "
        f"largest difference is {difference:.4f} ({name})."
    )
    if difference > LARGEST_DIFFERENCE:
        click.echo(f"More than {LARGEST_DIFFERENCE}: the model will run in fp32.")


def _accuracy(model: Model, measured: EvaluationFile, data: str, margin: float) -> Accuracy:
    from inference.engine import Engine

    sample = Engine(registry(), measured.device).compare_sample(model)
    if sample.precision != measured.lower:
        raise BadRequest(
            f"The evaluation was made in {measured.lower}, this machine computes in "
            f"{sample.precision}.",
            expected="An evaluation made on this machine.",
            hint="Run `tessera evaluate --precision both` here.",
        )
    if absent := sample.similarity.absent:
        raise BadModel(
            f"The network does not predict the label {absent[0]} in its sample.",
            expected="A sample in which every label occurs.",
            hint="Use another sample in the card.",
        )
    return Accuracy(
        network_sha256=measured.sha256,
        precision=measured.lower,
        measured_on=measured.measured_on,
        cases=measured.count,
        data=data,
        fp32=measured.scores["fp32"],
        lower=measured.scores[measured.lower],
        sample_sha256=sample.sha256,
        sample={name: round(score, _DECIMALS) for name, score in sample.similarity.scores.items()},
        margin=margin,
    )
