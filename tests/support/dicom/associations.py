"""DICOM's network services as a scanner or an archive uses them."""

import ssl
from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

ANSWER_S = 60.0
"""How long a sender waits for an answer."""


def associate(
    port: int,
    images: Sequence[Dataset] = (),
    calling: str = "SCANNER",
    called: str = "TESSERA",
    tls: ssl.SSLContext | None = None,
) -> Association:
    """An association for these images and C-ECHO, established or not."""
    entity = AE(calling)
    entity.add_requested_context("1.2.840.10008.1.1")
    for kind, syntax in {(n.SOPClassUID, n.file_meta.TransferSyntaxUID) for n in images}:
        entity.add_requested_context(kind, syntax)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = ANSWER_S
    tls_args = None if tls is None else (tls, "127.0.0.1")
    return entity.associate("127.0.0.1", port, ae_title=called, tls_args=tls_args)


def rejection(port: int, calling: str = "SCANNER", called: str = "TESSERA") -> Any:
    """The answer to a request that must be rejected: `result`, `diagnostic`.

    An answer that comes at once can be lost in pynetdicom's requestor, which then takes the
    connection for one that was never opened; it asks again.
    """
    for _ in range(5):
        talk = associate(port, calling=calling, called=called)
        assert not talk.is_established
        if talk.is_rejected:
            return talk.acceptor.primitive
    raise AssertionError("The request was not answered.")


def store(
    port: int,
    images: Sequence[Dataset],
    calling: str = "SCANNER",
    tls: ssl.SSLContext | None = None,
) -> list[int]:
    """The status of each C-STORE."""
    talk = associate(port, images, calling, tls=tls)
    assert talk.is_established
    answers = [talk.send_c_store(image) for image in images]
    assert all("Status" in answer for answer in answers), f"no answer, or none in {ANSWER_S:.0f} s"
    talk.release()
    return [int(answer.Status) for answer in answers]
