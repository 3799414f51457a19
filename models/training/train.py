"""Trains one network as a configuration file says; can be stopped and taken up again."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from imaging.errors import BadRequest
from models.nets.receptive_field import ReceptiveField, receptive_field
from models.training.checkpoint import BEST, read_weights
from models.training.config import TrainingConfig
from models.training.curves import Curves
from models.training.examples import open_examples
from models.training.provenance import code_version, data_sha256
from models.training.run import Run
from models.training.teachers import Teachers

Progress = Callable[[dict[str, float]], None]
HISTORY, HELD_OUT = "history.jsonl", "held-out.txt"


def train(
    config_path: Path, out: Path, on_progress: Progress | None = None, *, data: Path = Path()
) -> Path:
    """Trains to the end and gives the checkpoint of the best validation Dice.

    `out` gets last.pt (to resume from), best.pt (to export), history.jsonl, held-out.txt (the cases
    that are never learnt from, for `tessera evaluate --cases`) and curves for TensorBoard; where
    last.pt is there already, training goes on from it. `data` is the folder that the
    configuration's paths are relative to. Raises BadRequest for a configuration or data that cannot
    serve.
    """
    config = TrainingConfig.load(config_path)
    torch.manual_seed(config.seed)
    torch.backends.cudnn.deterministic = True
    if config.optimisation.threads:
        torch.set_num_threads(config.optimisation.threads)
    made = provenance(config, data)
    run = begin(config, data, out, made["data_sha256"])
    if run.step == 0 and config.optimisation.beginnings:
        _note(out / HISTORY, {"step": 0} | run.evaluate(made))  # perhaps nothing gets better
    with Curves(out, run.step) as curves:
        while not run.done:
            report = run.one_step()
            if run.step % config.optimisation.evaluate_every == 0 or run.done:
                report |= run.evaluate(made)
                _note(out / HISTORY, report)
            curves.add(report)
            if on_progress:
                on_progress(report)
    return out / BEST


def begin(config: TrainingConfig, data: Path, out: Path, data_sha256: str) -> Run:
    """A run that stands where `out` left it, or at its first step."""
    field = receptive_field(config.network.unet())
    _legal(config, field)
    examples = open_examples(config, data, field.halo if field.padding == "valid" else 0)
    teachers = Teachers.load(config, data) if config.loss.teachers else None
    out.mkdir(parents=True, exist_ok=True)
    (out / HELD_OUT).write_text("".join(f"{case.name}\n" for case in examples.held_out))
    run = Run(config, field, examples, out, data_sha256, teachers)
    if not run.resume() and config.optimisation.beginnings:
        run.begin([read_weights(data / path) for path in config.optimisation.beginnings])
    return run


def _legal(config: TrainingConfig, field: ReceptiveField) -> None:
    """Raises BadRequest where the network cannot give windows of the configured size."""
    output = config.optimisation.output
    halo = field.halo if field.padding == "valid" else 0
    legal = tuple(field.legal(n + 2 * halo) - 2 * halo for n in output)
    if legal != output:
        raise BadRequest(
            f"The network does not give windows of {list(output)} voxels.",
            expected=f"{field.minimum - 2 * halo} plus a multiple of {field.align} on each axis.",
            hint=f"Mend `output` in the configuration: {list(legal)} is the next larger.",
        )


def provenance(config: TrainingConfig, data: Path) -> dict[str, str]:
    """What the card says of data and code."""
    return {
        "data_sha256": data_sha256(config.data, data),
        "code": code_version(),
        "torch": str(torch.__version__),
    }


def _note(history: Path, report: dict[str, float]) -> None:
    with history.open("a") as file:
        file.write(json.dumps(report) + "\n")
