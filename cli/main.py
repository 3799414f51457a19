"""The command itself. Subcommands are imported when they are called, so that help is quick."""

import importlib
import logging
import sys
from typing import Any

import click
from pydantic import ValidationError

from imaging.errors import BadInput, TesseraError

COMMANDS = {
    "up": ("cli.up", "Run all of Tessera on this machine."),
    "segment": ("cli.segment", "Segment scans, here or on a server."),
    "models": ("cli.models", "List, show and add models."),
    "evaluate": ("cli.evaluate", "Measure a model on labelled scans."),
    "bench": ("cli.bench", "Time a model on this machine."),
    "train": ("cli.train", "Train a network from a config."),
    "export": ("cli.export", "Turn a checkpoint into ONNX and a card."),
    "gateway": ("cli.gateway", "Run the gateway alone."),
    "worker": ("cli.worker", "Run one worker alone."),
}


class _Lazy(click.Group):
    """Loads a subcommand's module only when it is used: `command` in it."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tessera-seg", prog_name="tessera")
@click.option("--verbose", is_flag=True, help="Log more.")
def tessera(verbose: bool) -> None:
    """Medical image segmentation: a scan in, an exact mask out. Research use only."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "httpcore", "alembic", "kombu", "amqp", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def main(argv: list[str] | None = None) -> None:
    """Runs the command; errors go to stderr as plain sentences. Exit status 2: bad input."""
    try:
        status: Any = tessera.main(argv, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TesseraError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, BadInput) else 1)
    except ValidationError as error:
        _say_settings(error)
        sys.exit(2)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        click.echo(f"Error: {error.strerror or type(error).__name__}{where}.", err=True)
        sys.exit(1)
    except MemoryError:
        click.echo("Error: the memory does not suffice. Try a smaller --tile.", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "monai", "onnx", "onnxruntime"):
            raise
        extra = "cpu" if error.name == "onnxruntime" else "train"
        click.echo(
            f"Error: this needs {error.name}. Install it with: pip install 'tessera-seg[{extra}]'",
            err=True,
        )
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _say_settings(error: ValidationError) -> None:
    """The environment is the only thing that is validated here and not refused elsewhere."""
    for fault in error.errors():
        name = "TESSERA_" + "_".join(str(part) for part in fault["loc"]).upper()
        click.echo(f"Error: {name} is not as it should be: {fault['msg']}.", err=True)
