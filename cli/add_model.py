"""Adds a verified model and prepares it for this machine, for `tessera models add` and `import`."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.error_text import DETAIL_INDENT, parts_of
from cli.model_registry import changing_registry
from imaging.errors import TesseraError
from jobs.settings import Settings
from models.given_case import GivenCase, with_case
from models.registry import Model


def add_verified(folder: Path, output: str = "", case: GivenCase | None = None) -> Model:
    """Completes the card in `folder`, verifies the network and adds both; prints notes.

    `output`: the network's output that is used; empty: the first. `case`: becomes the card's sample
    or reference. Raises BadModel where card and network do not fit, BadRequest where the case does
    not fit, and what `Registry.add` raises.
    """
    from inference.networks.reach_probe import proved
    from inference.verify import verify
    from models.completed_card import completed

    with TemporaryDirectory(prefix="tessera-add-") as temporary:
        draft = Path(temporary)
        for note in completed(folder, draft, proved, output):
            click.echo(f"Note: {note}")
        if case is not None:
            card = draft / "card.json"
            fields = with_case(json.loads(card.read_bytes()), case, draft)
            card.write_text(json.dumps(fields, indent=2) + "\n")
        with changing_registry() as models:
            return models.add(draft, verify)


def prepare(model: Model) -> int:
    """Loads an added model on this machine's device, runs its reference case, and prints where it
    runs, how precisely, and whether the case passes. Returns the exit status: 1 if it fails.

    A worker of this machine that prepares it, too, waits meanwhile, or is waited for.
    """
    from cli.engine import engine_of_settings
    from cli.progress_bar import progress_bar
    from cli.verify_model import show
    from inference.reference_outcome import ReferenceOutcome
    from workers.machine_turn import machine_turn

    engine, name = engine_of_settings(), model.card.full_name
    outcomes: tuple[ReferenceOutcome, ...] = ()
    try:
        with machine_turn(Settings().cache_folder, wait=True):
            with progress_bar(name) as context:
                ready = engine.prepare(model, context)
            if model.card.reference is not None:
                with progress_bar(f"{name}: reference case") as context:
                    outcomes = engine.verify(model, context=context)
                ready = engine.prepare(model)  # the case decides on the precision
    except (TesseraError, MemoryError) as error:
        reason = f"\n{DETAIL_INDENT}".join(parts_of(error))
        click.echo(f"It could not be run on this machine's device: {reason}")
        return 0
    for outcome in outcomes:
        show(outcome, model.card)
    click.echo(f"On this machine it runs on {ready.device.name} in {ready.device.precision}.")
    for text in (ready.verdict and ready.verdict.reason, ready.fallback):
        if text:
            click.echo(text)
    if all(outcome.passed for outcome in outcomes[-1:]):
        return 0
    click.echo(
        f"{name} was added nevertheless; its jobs say that the case fails. To remove it: "
        f"tessera models remove {name}"
    )
    return 1
