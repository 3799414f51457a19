"""The command `tessera`. Subcommands are imported when they are used, so that help is fast."""

import importlib
import logging
import os
import sys
from typing import Any

import click
from pydantic import ValidationError

from imaging.errors import BadInput, TesseraError

COMMANDS = {
    "up": ("cli.up", "Run Tessera on this machine: broker, database, gateway and workers."),
    "segment": ("cli.segment", "Segment scans, on this machine or on a server."),
    "models": ("cli.models", "List, show, add, import, describe, measure and verify models."),
    "evaluate": ("cli.evaluate", "Compare a model's masks with reference masks."),
    "bench": ("cli.bench", "Measure how fast a model runs on this machine."),
    "train": ("cli.train", "Train a network from a configuration file."),
    "export": ("cli.export", "Export a checkpoint of a training as a model."),
    "routes": ("cli.routes", "Check the routing table of DICOM peers and rules."),
    "gateway": ("cli.gateway", "Run only the gateway."),
    "worker": ("cli.worker", "Run only a worker."),
}


class _LazyGroup(click.Group):
    """Imports a subcommand's module when it is used; the command is its `command`."""

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


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tessera-seg", prog_name="tessera")
@click.option("--verbose", is_flag=True, help="Write debug messages to the log.")
def tessera(verbose: bool) -> None:
    """Segment medical images. For research use only."""
    from jobs.settings.names import refuse_unknown

    refuse_unknown(os.environ)
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for library in ("httpx", "httpcore", "alembic", "kombu", "amqp", "asyncio"):
        logging.getLogger(library).setLevel(logging.WARNING)


def main(argv: list[str] | None = None) -> None:
    """Runs the command and exits; errors are printed to stderr. Exit status 2 means bad input."""
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
        _print_settings_errors(error)
        sys.exit(2)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        click.echo(f"Error: {error.strerror or type(error).__name__}{where}.", err=True)
        sys.exit(1)
    except MemoryError:
        click.echo("Error: There is not enough memory. Try a smaller --tile.", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "monai", "onnx", "onnxruntime"):
            raise
        extra = "cpu" if error.name == "onnxruntime" else "train"
        click.echo(
            f"Error: This command needs {error.name}. Install it from Tessera's source folder "
            f"with: pip install '.[{extra}]'",
            err=True,
        )
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _print_settings_errors(error: ValidationError) -> None:
    """Prints the environment variables whose values are not valid."""
    for fault in error.errors():
        name = "TESSERA_" + "_".join(str(part) for part in fault["loc"]).upper()
        click.echo(f"Error: The value of {name} is not valid: {fault['msg']}.", err=True)
