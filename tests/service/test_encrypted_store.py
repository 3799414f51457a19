"""A gateway whose stored files are encrypted, and what it says without the right key."""

import pytest

from jobs.encryption import new_key
from tests.support.gateway import Start
from tests.support.images import nifti_bytes, png_bytes


def test_a_gateway_serves_what_is_stored_encrypted(start_gateway: Start) -> None:
    content = nifti_bytes((5, 6, 7), 3)
    gateway = start_gateway(encryption_key=new_key())
    scan, picture = gateway.scan(content), gateway.scan(png_bytes((9, 11, 3)))
    names = {path.suffix for path in (gateway.data / "blobs").rglob("*.enc")}
    assert names == {".enc"}
    assert gateway.client.get(f"/v1/scans/{scan}/volume").content == content
    assert gateway.client.get(f"/v1/scans/{picture}/volume").status_code == 200
    assert gateway.upload(content).status_code == 200, "the same scan is stored once"
    files, _ = gateway.kept()
    assert sum(path.suffix == ".enc" for path in files) == 2
    assert not [path for path in files if path.parts[0] == "tmp"]
    gateway.stop()
    with pytest.raises(AssertionError, match="is not the key with which"):
        start_gateway(gateway.data, encryption_key=new_key())
