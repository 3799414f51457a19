"""What is wrong with a request about an upload: errors, and the checks that raise them."""

from collections.abc import Iterator
from contextlib import contextmanager

from imaging.errors import Conflict, NotFound, ScanTooLarge, StorageFull


def check_same(existing: object, upload: object) -> None:
    """Raises Conflict if a repeated key is sent with another upload."""
    if existing != upload:
        raise Conflict(
            "This Idempotency-Key belongs to an upload of another file.",
            expected="A new key for another file.",
            hint="Send the request with another key.",
        )


def check_complete(arrived: int, length: int) -> None:
    """Raises Conflict if bytes are missing; both in bytes."""
    if arrived < length:
        raise Conflict(
            f"An upload is not complete: {arrived:,} of {length:,} bytes have arrived.",
            expected="Complete uploads.",
            hint="Send the rest of the file first.",
        )


def check_offset(arrived: int, offset: int) -> None:
    """Raises Conflict if the next block, at `offset`, would leave a gap or overwrite bytes."""
    if arrived != offset:
        raise Conflict(
            f"The upload continues at byte {arrived:,}, not at byte {offset:,}.",
            expected="An Upload-Offset equal to the number of bytes that have arrived.",
            hint="Ask for the offset with HEAD, and continue there.",
        )


@contextmanager
def reporting_removal() -> Iterator[None]:
    """A file that is gone is an upload that is gone: raises NotFound."""
    try:
        yield
    except FileNotFoundError:
        raise no_upload() from None


def no_upload() -> NotFound:
    """The error for an upload that is unknown, removed or expired."""
    return NotFound(
        "There is no such upload.",
        expected="An upload that was created here and has not expired.",
        hint="Upload the file again. Several gateways behind one proxy must share the data folder, "
        "or the proxy must send all requests of a client to the same gateway.",
    )


def space_full(detail: str, expected: str) -> StorageFull:
    """The error for an upload that has no room beside others."""
    return StorageFull(
        detail,
        expected=expected,
        hint="Finish or delete other uploads, try again later, or let an administrator raise "
        "TESSERA_UPLOAD_SPACE_BYTES.",
    )


def upload_too_large(max_bytes: int) -> ScanTooLarge:
    """The error for an upload above the largest size."""
    return ScanTooLarge(
        "The upload is too large.",
        expected=f"At most {max_bytes:,} bytes.",
        hint="Crop or compress the scan, or let an administrator raise the limit "
        "(TESSERA_MAX_UPLOAD_BYTES).",
    )
