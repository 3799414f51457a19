"""Checks of the installed models, and of this machine's runtimes."""

from collections.abc import Iterator

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.counted import counted
from imaging.errors import BadModel
from inference.runtime_registry import available_runtimes
from jobs.settings import Settings
from models.installed_model import Model
from models.registry import Registry


def check_models(settings: Settings) -> Iterator[Finding]:
    """Whether every model can be served: its card, its parts, and the content of its networks."""
    added = settings.added_models
    models = Registry(added).all()
    served = {model.folder for model in models if isinstance(model, Model)}
    combined = {model.card.name for model in models if not isinstance(model, Model)}
    folders = sorted(added.glob("[!.]*/card.json")) if added.is_dir() else []
    faults = [
        problem(
            f"model folder {card.parent.name}",
            "The model in it is not served.",
            "Run `tessera models`: the log says why. Add the model again.",
        )
        for card in folders
        if card.parent not in served and card.parent.name not in combined
    ]
    faults += [fault for model in models if isinstance(model, Model) for fault in _faults(model)]
    yield from faults
    if models and not faults:
        yield ok("models", f"{counted(len(models), 'model')}, whose networks are not damaged.")
    if not models:
        yield problem("models", "There is none.", "Add one with `tessera models add`.")


def check_runtimes(_settings: Settings) -> Iterator[Finding]:
    """What a worker on this machine could use."""
    runtimes = available_runtimes()
    if runtimes:
        yield ok("runtimes of this machine", ", ".join(runtime.name for runtime in runtimes))
    else:
        yield warning(
            "runtimes of this machine",
            "There is none: this machine can run a gateway and no worker.",
            "For a worker, install Tessera with the extra cpu or gpu.",
        )


def _faults(model: Model) -> Iterator[Finding]:
    for network in model.networks:
        try:
            _ = network.verified
        except BadModel as error:
            yield problem(f"model {model.card.full_name}", error.detail, error.hint)
