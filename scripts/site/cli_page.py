"""The page of the command line, made from the commands themselves."""

import inspect

import click
from md import code, sentence, table

from cli.main import tessera

INTRODUCTION = """# Command line

`tessera COMMAND --help` prints what is below. Exit statuses: 0, success; 1, failure; 2, the input
or the options are not valid; 3, `tessera batch` has ended and some scans failed; 130, interrupted.
"""


def page() -> str:
    """Markdown: every command with its arguments and options, subcommands included."""
    context = click.Context(tessera, info_name="tessera")
    return "\n".join([INTRODUCTION, *_command(tessera, context, 1)])


def _command(command: click.Command, context: click.Context, level: int) -> list[str]:
    lines = []
    if level > 1:
        lines = [f"{'#' * level} `{context.command_path}`", ""]
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines += ["```", usage, "```", "", inspect.cleandoc(command.help or ""), ""]
    lines += table(("option", "default", "description"), map(_option, _options(command, context)))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                lines += _command(
                    child, click.Context(child, parent=context, info_name=name), level + 1
                )
    return lines


def _options(command: click.Command, context: click.Context) -> list[click.Option]:
    parameters = command.get_params(context)
    return [p for p in parameters if isinstance(p, click.Option) and p.name != "help"]


def _option(option: click.Option) -> tuple[str, str, str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if not option.is_flag:
        names += f" {option.make_metavar(click.Context(tessera))}"
    default = option.default
    shown = code(default) if isinstance(default, str | int | float) and not option.is_flag else ""
    required = "Required. " if option.required else ""
    return code(names), shown, required + sentence(option.help or "")
