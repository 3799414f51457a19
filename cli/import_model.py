"""`tessera models import`"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli.add_model import add_verified, prepare
from cli.given_case import CaseOptions, case_options, opened_case
from cli.model_registry import registry
from imaging.errors import Unavailable
from models.importers.importer import Importer
from models.importers.options import option_name
from models.importers.registry import all_importers
from models.importers.run import import_model

_OF_EXTRA = ("torch", "onnx", "monai", "yaml", "dynamic_network_architectures")


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of all importers; one that several take is added once."""
    fields = dict.fromkeys(name for one in all_importers() for name in one.options.model_fields)
    for field in reversed(fields):
        takers = [one for one in all_importers() if field in one.options.model_fields]
        flag = takers[0].options.model_fields[field].annotation is bool
        option = click.option(
            option_name(field), is_flag=flag, default=None, type=None if flag else str,
            metavar=None if flag else "VALUE", help=_help(field, takers),
        )  # fmt: skip
        function = option(function)
    return function


def _help(field: str, takers: Sequence[Importer[Any]]) -> str:
    """What the option means, and for which kinds of sources, if it is not the same for all."""
    meanings: dict[str, list[str]] = {}
    for importer in takers:
        text = " ".join((importer.options.model_fields[field].description or "").split())
        meanings.setdefault(text, []).append(importer.name)
    if len(meanings) == 1 and len(takers) == len(all_importers()):
        return next(iter(meanings))
    return " ".join(f"For {', '.join(names)}: {text}" for text, names in meanings.items())


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--kind",
    type=click.Choice([importer.name for importer in all_importers()]),
    help="What SOURCE is. By default it is recognised by its content.",
)
@_with_options
@case_options
def command(source: Path, kind: str | None, **values: Any) -> int:
    """Import a network that was trained elsewhere: SOURCE is a file or folder.

    The network is converted to ONNX, its card is written, and both are checked as `tessera models
    add` does. What the source does not state and the command assumed is printed and kept in the
    card. Needs the extra `import`.
    """
    options = CaseOptions.taken_from(values)
    given = {field: value for field, value in values.items() if value is not None}
    if "name" in given:
        registry().check_new(given["name"])  # before the conversion, which takes its time
    try:
        with opened_case(options) as case:
            add = partial(add_verified, case=case)
            model = import_model(source, given, add, click.echo, kind)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _OF_EXTRA:
            raise
        raise Unavailable(
            f"This import needs the package {error.name}.",
            expected="An installation with the extra `import`.",
            hint="In Tessera's source folder: pip install '.[cpu,import]'",
        ) from error
    click.echo(f"Checked and added: {model.card.name} {model.card.version}.")
    return prepare(model)
