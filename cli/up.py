"""`tessera up`"""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click
import httpx

from cli.children import Child
from imaging.errors import BadRequest, Conflict, Unavailable
from jobs.settings import Settings

_READY_S = 120.0


@click.command("up")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of everything kept.")
@click.option("--port", type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True)
@click.option("--open/--no-open", "browse", default=False, help="Open the page in a browser.")
@click.pass_context
def command(
    ctx: click.Context, data: Path | None, port: int | None, workers: int, browse: bool
) -> None:
    """Run all of Tessera on this machine: broker, database, gateway and a worker.

    Ctrl-C ends every part; jobs that were waiting or running go on at the next start.
    """
    change = {"data": data, "port": port}
    settings = Settings().model_copy(update={k: v for k, v in change.items() if v is not None})
    settings = settings.model_copy(update={"port": settings.port or _free_port(settings.host)})
    with ExitStack() as stack:
        stack.enter_context(_stoppable())
        stack.enter_context(_alone(settings.data))
        _check_port(settings)
        environment = stack.enter_context(_broker(settings))
        logs = None if ctx.find_root().params["verbose"] else _logs(settings.data)
        names = ["gateway", *["worker"] * workers]
        children = [Child(n, environment, logs and logs / f"{n}.log") for n in names]
        stack.callback(_end, children)
        for child in children:
            child.start()
        address = f"http://{settings.host}:{settings.port}"
        _wait_ready(address, children, logs)
        click.echo(f"Tessera is ready: {address}   (Ctrl-C ends it)")
        click.echo(
            f"Everything is kept in {settings.data.resolve()}; its logs/ tells what happens."
        )
        if browse:
            click.launch(address)
        _watch(children)


@contextmanager
def _broker(settings: Settings) -> Iterator[dict[str, str]]:
    """The children's environment, with a broker that lives as long as this does."""
    environment = {
        **os.environ,
        "TESSERA_DATA": str(settings.data.resolve()),
        "TESSERA_PORT": str(settings.port),
        "TESSERA_HOST": settings.host,
    }
    if settings.broker_url:
        yield environment
        return
    from jobs.broker import embedded

    with embedded(settings) as url:
        yield {**environment, "TESSERA_BROKER_URL": url}


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM and SIGHUP end it as Ctrl-C does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One Tessera per data folder."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"Tessera already runs on the folder {data}.",
                todo="Use that one, or give another folder with --data.",
            ) from None
        yield


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise BadRequest(
                f"Port {settings.port} on {settings.host} is not free.",
                todo="End the other program, or give another port with --port (0: any).",
            ) from error


def _logs(data: Path) -> Path:
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    return logs


def _wait_ready(address: str, children: list[Child], logs: Path | None) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if children[0].ended:
            where = f"{logs / 'gateway.log'}" if logs else "the lines above"
            raise Unavailable("The gateway ended at once.", todo=f"Read {where}.")
        try:
            if httpx.get(f"{address}/readyz", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise Unavailable(f"The gateway was not ready within {_READY_S:.0f} s.")


def _watch(children: list[Child]) -> None:
    """Starts again what ended by itself, a little later each time."""
    while True:
        time.sleep(0.5)
        for child in children:
            child.revive()


def _end(children: list[Child]) -> None:
    """Ends every child: asked first, forced after ten seconds."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + 10
    for child in children:
        child.end_by(deadline)
