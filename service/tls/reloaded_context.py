"""A server's SSL context that is made again when one of its files changes."""

import logging
import ssl
import threading
from collections.abc import Sequence

from imaging.errors import BadRequest
from service.tls.contexts import server_context
from service.tls.pem_files import Identity, PemFile

logger = logging.getLogger("tessera.tls")

_State = tuple[tuple[int, int, int] | None, ...]


class ReloadedContext:
    """The context for each new connection; thread-safe."""

    def __init__(self, identity: Identity, client_authorities: PemFile | None = None) -> None:
        """As `server_context`."""
        self._identity, self._authorities = identity, client_authorities
        files = (identity.certificate, identity.key, client_authorities)
        self._files = tuple(file for file in files if file is not None)
        self._mutex = threading.Lock()
        self._state = _state(self._files)
        self._context = server_context(identity, client_authorities)

    def current(self) -> ssl.SSLContext:
        """The context of the files as they are; the earlier one while they cannot be used.

        A certificate and its key are never replaced at the same moment: what cannot be used is
        logged once, and tried again when a file changes.
        """
        with self._mutex:
            state = _state(self._files)
            if state != self._state:
                self._state = state
                self._reload()
            return self._context

    def _reload(self) -> None:
        try:
            self._context = server_context(self._identity, self._authorities)
        except BadRequest as error:
            logger.warning("The earlier certificate stays in use. %s", error)
        else:
            logger.info("%s: loaded again.", ", ".join(file.name for file in self._files))


def _state(files: Sequence[PemFile]) -> _State:
    """What changes when a file is written or replaced, also behind a symbolic link."""
    return tuple(_state_of(file) for file in files)


def _state_of(file: PemFile) -> tuple[int, int, int] | None:
    try:
        stat = file.path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
