"""The command `tessera`. Subcommands are imported when they are used, so that help is fast."""

import logging
import os
import sys
from typing import Any

import click
from pydantic import ValidationError

from cli.error_text import print_error
from cli.exit_status import BAD_INPUT_STATUS, ERROR_PREFIX
from cli.lazy_group import LazyGroup
from imaging.errors import BadInput, TesseraError

COMMANDS = {
    "up": ("cli.up", "Run Tessera on this machine: broker, database, gateway and workers."),
    "segment": ("cli.segment", "Segment scans, on this machine or on a server."),
    "batch": ("cli.batch.command", "Segment thousands of scans, with a table of results."),
    "models": ("cli.models", "List, show, add, import, describe, measure and verify models."),
    "evaluate": ("cli.evaluate", "Compare a model's masks with reference masks."),
    "bench": ("cli.bench", "Measure how fast a model runs on this machine."),
    "dataset": ("cli.data_set.command", "Make data sets of masks that readers judged."),
    "train": ("cli.train", "Train a network from a configuration file."),
    "export": ("cli.export", "Export a checkpoint of a training as a model."),
    "routes": ("cli.routes", "Check the routing table of DICOM peers and rules."),
    "limits": ("cli.limits", "Show and set what projects may store, queue and request."),
    "webhooks": ("cli.webhooks", "Make signing secrets, list webhook messages, resend them."),
    "projects": ("cli.projects", "Add and list projects."),
    "users": ("cli.users", "Add users to projects, list them, change their roles."),
    "keys": ("cli.keys", "Create, list and revoke API keys."),
    "dicom-callers": ("cli.dicom_callers", "Say which AE titles send into which project."),
    "backup": ("cli.backup", "Back up a service while it runs."),
    "restore": ("cli.restore", "Restore a backup, also into other kinds of storage."),
    "encryption": ("cli.encryption", "Encrypt stored files, and change keys."),
    "doctor": ("cli.doctor.command", "Check an installation, and say what to do."),
    "audit": ("cli.audit.command", "List, export and verify the audit trail."),
    "retention": ("cli.retention.command", "Say how long data is kept, and hold what must stay."),
    "erase": ("cli.retention.erase", "Erase the data of one patient."),
    "gateway": ("cli.gateway", "Run only the gateway."),
    "worker": ("cli.worker", "Run only a worker."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tessera-seg", prog_name="tessera")
@click.option("--verbose", is_flag=True, help="Write debug messages to the log.")
def tessera(verbose: bool) -> None:
    """Segment medical images. For research use only."""
    from jobs.log_format import start_logging
    from jobs.settings.log import LogSettings
    from jobs.settings.names import refuse_unknown

    refuse_unknown(os.environ)
    start_logging(LogSettings().log_format, logging.DEBUG if verbose else logging.INFO)
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
        print_error(error)
        sys.exit(BAD_INPUT_STATUS if isinstance(error, BadInput) else 1)
    except ValidationError as error:
        _print_settings_errors(error)
        sys.exit(BAD_INPUT_STATUS)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        click.echo(f"{ERROR_PREFIX}{error.strerror or type(error).__name__}{where}.", err=True)
        sys.exit(1)
    except MemoryError:
        print_error(TesseraError("There is not enough memory.", hint="Try a smaller --tile."))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "monai", "onnx", "onnxruntime"):
            raise
        extra = "cpu" if error.name == "onnxruntime" else "train"
        hint = f"Install it from Tessera's source folder with: pip install '.[{extra}]'"
        print_error(TesseraError(f"This command needs {error.name}.", hint=hint))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _print_settings_errors(error: ValidationError) -> None:
    """Prints the environment variables whose values are not valid."""
    for fault in error.errors():
        name = "TESSERA_" + "_".join(str(part) for part in fault["loc"]).upper()
        click.echo(f"{ERROR_PREFIX}The value of {name} is not valid: {fault['msg']}.", err=True)
