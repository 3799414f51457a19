"""`tessera models import`"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.add_model import add_verified, prepare
from imaging.errors import Unavailable
from models.importers.options import option_name
from models.importers.registry import all_importers
from models.importers.run import import_model

_OF_EXTRA = ("torch", "onnx", "monai", "yaml", "dynamic_network_architectures")


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of all importers; one that several take is added once."""
    for field, names in reversed(_fields().items()):
        importer = next(one for one in all_importers() if one.name == names[0])
        info = importer.options.model_fields[field]
        flag = info.annotation is bool
        text = " ".join((info.description or "").split())
        suffix = "" if len(names) == len(all_importers()) else f" Only for {', '.join(names)}."
        option = click.option(
            option_name(field), is_flag=flag, default=None, type=None if flag else str,
            metavar=None if flag else "VALUE", help=text + suffix,
        )  # fmt: skip
        function = option(function)
    return function


def _fields() -> dict[str, list[str]]:
    """Every option's field, and the names of the importers that take it."""
    fields: dict[str, list[str]] = {}
    for importer in all_importers():
        for field in importer.options.model_fields:
            fields.setdefault(field, []).append(importer.name)
    return fields


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--kind",
    type=click.Choice([importer.name for importer in all_importers()]),
    help="What SOURCE is. By default it is recognised by its content.",
)
@_with_options
def command(source: Path, kind: str | None, **values: Any) -> None:
    """Import a network that was trained elsewhere: SOURCE is a file or folder.

    The network is converted to ONNX, its card is written, and both are checked as `tessera models
    add` does. What the source does not state and the command assumed is printed and kept in the
    card. Needs the extra `import`.
    """
    given = {field: value for field, value in values.items() if value is not None}
    try:
        model = import_model(source, given, add_verified, click.echo, kind)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _OF_EXTRA:
            raise
        raise Unavailable(
            f"This import needs the package {error.name}.",
            expected="An installation with the extra `import`.",
            hint="In Tessera's source folder: pip install '.[cpu,import]'",
        ) from error
    click.echo(f"Checked and added: {model.card.name} {model.card.version}.")
    prepare(model)
