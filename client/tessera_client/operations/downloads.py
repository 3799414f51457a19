"""Downloads to files, which appear whole or not at all."""

import secrets
from pathlib import Path

from tessera_client.errors import Unavailable
from tessera_client.operations.exchange import checked, repeated
from tessera_client.retries import Retries
from tessera_client.steps import BytesSent, Close, Next, Open, Reply, Request, Steps

_FIRST_BYTE_S = 600.0
"""Time for the server to convert a large file."""


def download(
    retries: Retries, request: Request, to: Path, on_received: BytesSent | None = None
) -> Steps[Path]:
    """Downloads into the file `to`, or into the folder `to` under the server's name for the file.

    The length is verified; a download that breaks off is made again.
    """
    patient = Request(
        request.method, request.path, request.query, request.headers, patience_s=_FIRST_BYTE_S
    )

    def attempt() -> Steps[Path]:
        reply = checked((yield Open(patient)))
        path = to / _name(reply) if to.is_dir() else to
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            yield from _receive(reply, part, on_received)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    return repeated(retries, attempt)


def _receive(reply: Reply, path: Path, on_received: BytesSent | None) -> Steps[None]:
    length = int(reply.headers.get("content-length", "-1"))
    done = 0
    with path.open("wb") as file:
        while (block := (yield Next())) is not None:
            file.write(block)
            done += len(block)
            if on_received is not None:
                on_received(done, max(done, length))
    yield Close()
    if length not in (-1, done):
        raise Unavailable(
            f"The download ended after {done:,} of {length:,} bytes.", hint="Try again."
        )


def _name(reply: Reply) -> str:
    """The file name in Content-Disposition, without folders."""
    _, _, quoted = reply.headers.get("content-disposition", "").partition('filename="')
    name = quoted.partition('"')[0].replace("\\", "/").rpartition("/")[2]
    return name if name.strip(".") else "download"
