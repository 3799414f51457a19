"""Trains one network from a configuration file; a stopped training can be resumed."""

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
from models.training.provenance import provenance
from models.training.run import Run
from models.training.teachers import Teachers

Progress = Callable[[dict[str, float]], None]
HISTORY, HELD_OUT = "history.jsonl", "held-out.txt"


def train(
    config_path: Path, out: Path, on_progress: Progress | None = None, *, data: Path = Path()
) -> Path:
    """Trains to the end and returns the path of the best checkpoint.

    Writes to `out`: last.pt (to resume from), best.pt (to export), history.jsonl, held-out.txt (the
    validation cases, for `tessera evaluate --cases`) and curves for TensorBoard. If last.pt exists,
    training continues from it. The configuration's paths are relative to `data`. Raises BadRequest
    for a configuration or data that cannot be used.
    """
    config = TrainingConfig.load(config_path)
    torch.manual_seed(config.seed)
    torch.backends.cudnn.deterministic = True
    if config.optimisation.threads:
        torch.set_num_threads(config.optimisation.threads)
    origin = provenance(config, data)
    run = begin(config, data, out, origin["data_sha256"])
    if run.step == 0 and config.optimisation.start_files:
        _append(out / HISTORY, {"step": 0} | run.evaluate(origin))  # the start may remain the best
    with Curves(out, run.step) as curves:
        while not run.done:
            report = run.one_step()
            if run.step % config.optimisation.evaluate_every == 0 or run.done:
                report |= run.evaluate(origin)
                _append(out / HISTORY, report)
            curves.add(report)
            if on_progress:
                on_progress(report)
    return out / BEST


def begin(config: TrainingConfig, data: Path, out: Path, data_sha256: str) -> Run:
    """A run that continues from `out`, or is at its first step."""
    field = receptive_field(config.network.unet())
    _check_output(config, field)
    examples = open_examples(config, data, field.halo if field.padding == "valid" else 0)
    teachers = Teachers.load(config, data) if config.loss.teachers else None
    out.mkdir(parents=True, exist_ok=True)
    (out / HELD_OUT).write_text("".join(f"{case.name}\n" for case in examples.held_out))
    run = Run(config, field, examples, out, data_sha256, teachers)
    if not run.resume() and config.optimisation.start_files:
        run.begin([read_weights(data / path) for path in config.optimisation.start_files])
    return run


def _check_output(config: TrainingConfig, field: ReceptiveField) -> None:
    """Raises BadRequest if the network cannot produce windows of the configured size."""
    output = config.optimisation.output
    halo = field.halo if field.padding == "valid" else 0
    legal = tuple(field.legal(n + 2 * halo) - 2 * halo for n in output)
    if legal != output:
        raise BadRequest(
            f"The network cannot produce an output of {list(output)} voxels.",
            expected=f"{field.minimum - 2 * halo} plus a multiple of {field.align} on each axis.",
            hint=f"Correct `output` in the configuration: {list(legal)} is the next larger size.",
        )


def _append(history: Path, report: dict[str, float]) -> None:
    with history.open("a") as file:
        file.write(json.dumps(report) + "\n")
