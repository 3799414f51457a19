"""`tessera models` and its subcommands"""

import click

from cli.lazy_group import LazyGroup

COMMANDS = {
    "show": ("cli.show_model", "Print the card of a model."),
    "add": ("cli.add", "Add your own model."),
    "import": ("cli.import_model", "Import a network that was trained elsewhere."),
    "combine": (
        "cli.combine_models",
        "Make one model of several others, whose labels are painted into one mask.",
    ),
    "describe": (
        "cli.describe",
        "Describe the network of a training's TOML file or of an ONNX file.",
    ),
    "record": ("cli.record", "Record a model's accuracy in fp32 and in a lower precision."),
    "verify": (
        "cli.verify_model",
        "Compare this machine's mask of a model's reference case with the given one.",
    ),
    "share": ("cli.share_model", "Let all projects use a version that one of them trained."),
    "remove": ("cli.remove_model", "Delete a model that was added, imported or combined."),
}


@click.group("models", cls=LazyGroup, lazy=COMMANDS, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show, add, import, combine, describe, measure, verify, share and remove models.

    Without a subcommand, the models are listed.
    """
    if ctx.invoked_subcommand is None:
        from cli.list_models import list_models

        list_models()
