"""Who may send: every DIMSE service names one permission, and a node without it is refused."""

from pathlib import Path

import pytest
from pynetdicom import evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from jobs.settings import Settings
from service.auth import (
    Authenticator,
    Caller,
    DicomCaller,
    LocalAdministrator,
    Permission,
    Principal,
    Unauthenticated,
    permissions_of,
)
from service.dicom.series_inbox import SeriesInbox
from service.dicom.storage_scp import StorageScp
from tests.support.dicom.associations import associate, store
from tests.support.dicom.mr_series import series
from tests.support.ports import free_port


class Nodes:
    """Knows two nodes: CT1 may send, CT2 may not."""

    def authenticate(self, caller: Caller) -> Principal:
        assert isinstance(caller, DicomCaller)
        permissions = {"CT1": frozenset({Permission.SCANS_WRITE}), "CT2": frozenset[Permission]()}
        if caller.ae_title not in permissions:
            raise Unauthenticated("The calling AE title is not known.")
        return Principal(caller.ae_title, "a", permissions[caller.ae_title])


def _scp(folder: Path, authenticator: Authenticator) -> tuple[StorageScp, SeriesInbox, int]:
    settings = Settings(data=folder, dicom_port=free_port())
    inbox = SeriesInbox(settings)
    return StorageScp(settings, inbox, authenticator), inbox, settings.dicom_port


def test_every_service_names_one_permission(tmp_path: Path) -> None:
    """Given all SOP classes that an association may propose, each is served with a permission."""
    scp, inbox, _ = _scp(tmp_path, LocalAdministrator())
    operations = dict(scp.operations)
    services = {
        evt.EVT_C_ECHO if uid == Verification else evt.EVT_C_STORE
        for uid in scp.supported_sop_classes
    }
    assert services == set(operations)
    assert permissions_of(operations[evt.EVT_C_ECHO]) == (Permission.PUBLIC,)
    assert permissions_of(operations[evt.EVT_C_STORE]) == (Permission.SCANS_WRITE,)
    scp.stop()
    inbox.close()


@pytest.mark.parametrize(("calling", "status"), [("CT1", 0x0000), ("CT2", 0x0124), ("CT3", 0x0124)])
def test_a_node_without_the_permission_is_not_authorized(
    tmp_path: Path, calling: str, status: int
) -> None:
    scp, inbox, port = _scp(tmp_path, Nodes())
    assert store(port, series(1), calling) == [status]
    assert len(list((tmp_path / "inbox").rglob("*.dcm"))) == (status == 0)
    association = associate(port)
    assert association.send_c_echo().Status == 0x0000
    association.release()
    scp.stop()
    inbox.close()
