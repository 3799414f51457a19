"""`tessera up`"""

import os
import signal
import socket
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import FrameType

import click
import httpx

from cli.children import ChildProcess
from cli.folder_lock import locked_folder
from cli.log_file import LogFile
from cli.page_address import gateway_address
from imaging.errors import BadRequest, Conflict, Unavailable
from jobs.embedded_broker import Broker, embedded_broker
from jobs.private_files import keep_private
from jobs.settings import Settings
from jobs.settings.secret import file_variable
from jobs.signal_handlers import handling_signals

_READY_S = 120.0


@click.command("up")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder of all data.  [default: TESSERA_DATA, otherwise tessera-data in the working "
    "directory]",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port of the page and the API; 0: any free port."
)
@click.option(
    "--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="Number of workers."
)
@click.option(
    "--open/--no-open", "browse", default=False, help="Open the page in a browser when it is ready."
)
@click.pass_context
def command(
    ctx: click.Context, data: Path | None, port: int | None, workers: int, browse: bool
) -> None:
    """Run Tessera on this machine: broker, database, gateway and workers.

    Ctrl-C stops everything. At the next start, waiting jobs keep
    their place, and running jobs start again from the beginning.
    """
    change = {"data": data, "port": port}
    settings = Settings().model_copy(update={k: v for k, v in change.items() if v is not None})
    settings = settings.model_copy(update={"port": settings.port or _free_port(settings.host)})
    with ExitStack() as stack:
        stack.enter_context(handling_signals(_stop, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        keep_private(settings.data)
        stack.enter_context(_locked(settings.data))
        _check_port(settings)
        broker = stack.enter_context(_broker(settings))
        environment = _environment(settings, broker)
        logs = None if ctx.find_root().params["verbose"] else _logs(settings.data)
        names = ["gateway", *["worker"] * workers]
        children = [ChildProcess(n, environment, _log(n, logs, settings)) for n in names]
        stack.callback(_end, children)
        for child in children:
            child.start()
        address = gateway_address(settings)
        _wait_ready(settings, children, logs)
        click.echo(f"Tessera is ready: {address}   (Ctrl-C stops it)")
        click.echo(f"The data is in {settings.data.resolve()}, the logs in its folder logs/.")
        if browse:
            click.launch(address)
        _watch(broker, children)


def _broker(settings: Settings) -> AbstractContextManager[Broker]:
    """The broker of TESSERA_BROKER_URL; if that is empty, a child process."""
    if settings.broker_url:
        return nullcontext(Broker(settings.broker_url))
    return embedded_broker(settings)


def _environment(settings: Settings, broker: Broker) -> dict[str, str]:
    """The environment of the child processes."""
    broker_file = file_variable("broker_url")  # read already: the URL is given instead
    return {
        **{name: value for name, value in os.environ.items() if name != broker_file},
        "TESSERA_DATA": str(settings.data.resolve()),
        "TESSERA_PORT": str(settings.port),
        "TESSERA_HOST": settings.host,
        "TESSERA_BROKER_URL": broker.url,
    }


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Makes SIGTERM and SIGHUP stop the command like Ctrl-C."""
    raise KeyboardInterrupt


def _locked(data: Path) -> AbstractContextManager[None]:
    """Locks the data folder; raises Conflict if another `tessera up` uses it."""
    in_use = Conflict(
        f"Tessera is already running with the data folder {data}.",
        expected="A data folder that no other `tessera up` uses.",
        hint="Use the running one, or give another folder with --data.",
    )
    return locked_folder(data, "up.lock", in_use, "--data or TESSERA_DATA")


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)


def _free_port(host: str) -> int:
    with _socket(host) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _check_port(settings: Settings) -> None:
    with _socket(settings.host) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise BadRequest(
                f"Port {settings.port} on {settings.host} is not free.",
                expected="A free port.",
                hint="Stop the other program, or give another port with --port (0: any free port).",
            ) from error


def _logs(data: Path) -> Path:
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    return logs


def _log(name: str, logs: Path | None, settings: Settings) -> LogFile | None:
    return LogFile(logs / f"{name}.log", settings.log_bytes) if logs else None


def _wait_ready(settings: Settings, children: list[ChildProcess], logs: Path | None) -> None:
    host = {"Host": settings.allowed_hosts[0]} if settings.allowed_hosts else {}
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        for child in children:
            child.check()
        if children[0].ended:
            where = str(logs / "gateway.log") if logs else "the lines above"
            raise Unavailable(
                "The gateway ended before it was ready.",
                expected="A gateway that starts.",
                hint=f"Read {where}.",
            )
        try:
            ready = f"{gateway_address(settings)}/readyz"
            # Its certificate is for a name of the network, and the reply is no secret.
            if httpx.get(ready, headers=host, timeout=5, trust_env=False, verify=False).is_success:  # noqa: S501
                return
        except httpx.HTTPError:
            pass  # not ready yet; the loop checks whether the gateway has ended
        time.sleep(0.1)
    raise Unavailable(
        f"The gateway was not ready within {_READY_S:.0f} s.",
        expected="A gateway that starts.",
        hint="Read the log, and try again.",
    )


def _watch(broker: Broker, children: list[ChildProcess]) -> None:
    """Restarts parts that end by themselves, with a delay that grows each time.

    Raises BadRequest if a child ended for a reason that a restart does not remove.
    """
    while True:
        time.sleep(0.5)
        broker.restart_if_ended()
        for child in children:
            child.bound_log()
            child.check()
            child.restart_if_ended()


def _end(children: list[ChildProcess]) -> None:
    """Ends all child processes; kills those that still run after ten seconds."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + 10
    for child in children:
        child.wait_or_kill(deadline)
