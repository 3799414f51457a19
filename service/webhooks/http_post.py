"""One HTTP POST to an endpoint: to a checked address, within a total time, without redirects.

The answer's status counts; its body is not read. Proxies of the environment are not used: a proxy
would look up the name itself, and the check of the address would be worth nothing.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache

from imaging.errors import Unavailable
from service.resources.webhook_endpoint import WebhookEndpoint
from service.webhooks.public_address import is_host, is_public


class EndpointUnavailable(Unavailable):
    """The endpoint gave no answer; another attempt may succeed."""


def post(endpoint: WebhookEndpoint, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer; raises EndpointUnavailable without quoting the endpoint."""
    end = time.monotonic() + endpoint.timeout_s
    with _connect(endpoint, end) as connection, _closed_at(connection, end) as expired:
        try:
            status = _exchange(endpoint, connection, body, headers)
        except (OSError, http.client.HTTPException) as error:
            if expired.is_set() or isinstance(error, TimeoutError):
                raise _too_slow(endpoint) from error
            raise _unavailable(_reason(error)) from error
        if expired.is_set():  # http.client takes the end of a connection for that of the headers
            raise _too_slow(endpoint)
        return status


def _exchange(
    endpoint: WebhookEndpoint, connection: socket.socket, body: bytes, headers: Mapping[str, str]
) -> int:
    host, port = endpoint.address.hostname or "", endpoint.port
    http_connection = http.client.HTTPConnection(host, port)
    if endpoint.address.scheme == "https":
        connection = _tls().wrap_socket(connection, server_hostname=host)
        http_connection.default_port = http.client.HTTPS_PORT  # decides about the port in Host
    with connection:
        http_connection.sock = connection
        query = f"?{endpoint.address.query}" if endpoint.address.query else ""
        path = (endpoint.address.path or "/") + query
        http_connection.request("POST", path, body, {**headers, "Connection": "close"})
        with http_connection.getresponse() as answer:
            return answer.status


def _connect(endpoint: WebhookEndpoint, end: float) -> socket.socket:
    """A connection to the first address of the endpoint that accepts one."""
    fault: OSError | None = None
    addresses = _addresses(endpoint)
    for number, (family, address) in enumerate(addresses):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            left_s = max(0.001, end - time.monotonic())
            connection.settimeout(left_s / (len(addresses) - number))
            connection.connect(address)
            connection.settimeout(left_s)
        except OSError as error:
            connection.close()
            fault = error
        else:
            return connection
    if isinstance(fault, TimeoutError):
        raise _too_slow(endpoint) from fault
    raise _unavailable(_reason(fault)) from fault


def _addresses(endpoint: WebhookEndpoint) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    """The addresses of the endpoint that messages may be sent to."""
    host, port = endpoint.address.hostname or "", endpoint.port
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unavailable("its name cannot be looked up") from error
    allowed = is_host if endpoint.private else is_public
    addresses = [
        (family, address)
        for family, _, _, _, address in answers
        if family in (socket.AF_INET, socket.AF_INET6) and allowed(str(address[0]))
    ]
    if not addresses:
        raise _unavailable(
            "its name leads to no public address",
            hint="Set private = true for an endpoint in an internal network.",
        )
    return addresses  # type: ignore[return-value] # AF_INET6: with flow label and scope


@contextmanager
def _closed_at(connection: socket.socket, end: float) -> Iterator[threading.Event]:
    """Shuts the connection down at `end`, under the thread that uses it, and sets the event.

    The time-outs of sockets are between two bytes: a receiver that sends one byte a second always
    keeps them.
    """
    expired = threading.Event()
    handle = connection.dup()  # TLS takes the handle of the socket itself

    def close() -> None:
        expired.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), close)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        timer.join()
        handle.close()


@cache
def _tls() -> ssl.SSLContext:
    """Verifies certificates against the system's authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


def _reason(error: BaseException | None) -> str:
    """Why there is no answer, without the endpoint's name or what it sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
        return "it closed the connection or did not answer with HTTP"
    return "it cannot be reached"


def _unavailable(reason: str, hint: str = "") -> EndpointUnavailable:
    return EndpointUnavailable(
        f"The webhook endpoint did not receive the message: {reason}.",
        expected="An HTTP server that answers with a status from 200 to 299.",
        hint=hint or "Check the endpoint and its URL in the routing table, then resend it.",
    )


def _too_slow(endpoint: WebhookEndpoint) -> EndpointUnavailable:
    return _unavailable(
        f"it did not answer within {endpoint.timeout_s:g} s",
        hint="Let the receiver answer first and work afterwards, or raise timeout_s.",
    )
