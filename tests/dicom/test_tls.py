"""DICOM over TLS: who may call, whom we call, and what is said when that fails."""

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from imaging.errors import BadRequest
from imaging.formats.dicom.commitment import CommitmentReport, new_transaction
from imaging.formats.dicom.instance_identity import identify
from jobs.delivery import Delivery
from jobs.settings import Settings
from service.dicom import dicomweb_client, storage_commitment, storage_scu
from service.resources.peers import Peer, PeerRefused, PeerUnavailable
from service.resources.routing_table import Caller, RoutingTable
from service.tls.certificates import CertificateKeys
from service.tls.configured import dicom_tls, http_tls
from tests.support.certificates import Certificates, Pair, presented_sha256
from tests.support.dicom.associations import associate, rejection, store
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, PATIENT, series, written
from tests.support.dicom.raw_pdus import association_request, connect, received
from tests.support.dicom.receiver import Receiver
from tests.support.orthanc import Orthanc
from tests.support.waiting import until

Open = Callable[..., Receiver]


@pytest.fixture
def secured(tmp_path: Path, certificates: Certificates) -> Iterator[Open]:
    """Opens receivers with TLS, which need certificates of senders; closed at the end."""
    receivers: list[Receiver] = []

    def make(pair: Pair = certificates.tessera, **changes: Any) -> Receiver:
        files: dict[str, Any] = {
            "dicom_tls_certificate": pair.certificate,
            "dicom_tls_key": pair.key,
            "dicom_tls_client_ca": certificates.ca,
        }
        folder = tmp_path / f"receiver-{len(receivers)}"
        given: dict[str, Any] = {**files, **changes}
        receivers.append(Receiver(folder, **given))
        return receivers[-1]

    yield make
    for one in receivers:
        one.close()


def refusal(caplog: pytest.LogCaptureFixture, reason: str) -> str:
    """The line of the log about a refusal for this reason, once it is there."""
    return until(lambda: next((line for line in caplog.messages if reason in line), ""))


def is_refused(port: int, tls: ssl.SSLContext) -> bool:
    """Whether an association request is not answered; pynetdicom leaves such sockets open."""
    try:
        with tls.wrap_socket(connect(port), server_hostname="127.0.0.1") as line:
            line.sendall(association_request())
            return not line.recv(6)
    except (ssl.SSLError, ConnectionError):
        return True


def sender(ca: Path, pair: Pair | None = None) -> ssl.SSLContext:
    """TLS of a scanner that trusts `ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_senders_with_a_certificate_get_in(
    secured: Open, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    """With TLS 1.2 and 1.3; without one, with a foreign or an expired one it is refused and said.

    So it is with a cipher suite that nobody recommends, and without TLS.
    """
    here = secured()
    images = series(4, 256)
    good = sender(certificates.ca, certificates.pacs)
    assert store(here.port, images, tls=good) == [0x0000] * 4
    older = sender(certificates.ca, certificates.pacs)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    assert store(here.port, images, tls=older) == [0x0000] * 4
    weak = sender(certificates.ca, certificates.pacs)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    refused = {
        "it presents no certificate": sender(certificates.ca),
        "not signed by an authority": sender(certificates.ca, certificates.foreign),
        "its certificate has expired": sender(certificates.ca, certificates.expired),
        "it offers none of the recommended cipher suites": weak,
        "does not trust the authority that signed our": sender(certificates.foreign_ca),
    }
    for reason, context in refused.items():
        assert is_refused(here.port, context)
        assert refusal(caplog, reason)
    with connect(here.port, "127.0.0.2") as line:
        line.sendall(association_request())
        assert received(line) == bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 0))
    assert refusal(caplog, "it uses no TLS")
    assert here.refusals("tls") == len(refused) + 1
    assert store(here.port, images, tls=good) == [0x0000] * 4


def test_a_port_without_tls_says_so(
    opened: Open, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    here = opened()
    assert is_refused(here.port, sender(certificates.ca))
    assert refusal(caplog, "it begins with TLS")


@pytest.mark.parametrize(
    ("keys", "right"),
    [
        ('{"certificate_sha256": "SHA"}', True),
        ('{"certificate_sha256": ["SHA"], "certificate_name": "LOCALHOST"}', True),
        ('{"certificate_subject": {"CN": "pacs", "O": "Hospital"}}', True),
        ('{"certificate_name": "127.0.0.1"}', True),
        (f'{{"certificate_sha256": "{64 * "0"}"}}', False),
        ('{"certificate_name": "elsewhere.example"}', False),
        ('{"certificate_subject": {"CN": "pacs", "O": "Other"}}', False),
    ],
)
def test_a_title_with_its_certificate(
    secured: Open,
    certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
    keys: str,
    right: bool,
) -> None:
    """A caller under a title that the table names needs that certificate; others need any."""
    found = certificates.pacs.sha256
    named = CertificateKeys.model_validate_json(keys.replace("SHA", found))
    here = secured(callers=[Caller("SCANNER", named)])
    context = sender(certificates.ca, certificates.pacs)
    talk = associate(here.port, tls=context)
    assert talk.is_established is right
    if right:
        talk.release()
        return
    assert "'SCANNER'" in refusal(caplog, found)
    assert here.refusals("certificate") == 1
    other = associate(here.port, calling="ANOTHER", tls=context)
    assert other.is_established
    other.release()


def test_a_title_with_a_certificate_at_a_port_without_tls(opened: Open) -> None:
    """Given no certificate, the caller is not believed."""
    here = opened(callers=[Caller("SCANNER", CertificateKeys(certificate_name="localhost"))])
    assert rejection(here.port).result == 1
    assert store(here.port, series(1), calling="ANOTHER") == [0x0000]


def test_a_renewed_certificate_is_used(
    secured: Open, certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the next association; half of a pair is not used, and those that are open stay."""
    caplog.set_level(logging.INFO, "tessera.tls")
    pair = Pair(tmp_path / "own.pem", tmp_path / "own.key")
    certificates.tessera.copied(pair)
    here = secured(pair)
    context = sender(certificates.ca, certificates.pacs)
    first = associate(here.port, tls=context)
    pair.certificate.write_bytes(certificates.pacs.certificate.read_bytes())
    assert presented_sha256(here.port, context) == certificates.tessera.sha256
    assert "the key does not fit the certificate" in caplog.text
    certificates.pacs.copied(pair)
    assert presented_sha256(here.port, context) == certificates.pacs.sha256
    assert first.send_c_echo().Status == 0x0000
    first.release()


def peer_at(port: int, **keys: Any) -> Peer:
    where = {"host": "127.0.0.1", "port": port, "ae_title": "TESSERA"}
    return Peer.model_validate({"name": "archive", "tls": True, "timeout_s": 5, **where, **keys})


def test_peers_with_certificates(secured: Open, opened: Open, certificates: Certificates) -> None:
    """We call a peer that presents what it should; otherwise the error says what is wrong."""
    here, ours = secured(), {**certificates.pacs.keys(), "ca_file": certificates.ca}
    storage_scu.echo(peer_at(here.port, **ours), "ME")
    own = certificates.tessera.sha256
    storage_scu.echo(peer_at(here.port, certificate_sha256=own.upper(), **ours), "ME")
    elsewhere = secured(certificates.elsewhere).port
    named = {"certificate_name": "elsewhere.example"}
    storage_scu.echo(peer_at(elsewhere, **named, **ours), "ME")
    strangers = {**ours, "ca_file": certificates.foreign_ca}
    for problem, port, keys in (
        ("not signed by an authority", here.port, strangers),
        ("has expired", secured(certificates.expired).port, ours),
        ("not valid for its host", elsewhere, ours),
        ("another SHA-256", here.port, {**ours, "certificate_sha256": "00" * 32}),
        ("another subject", here.port, {**ours, "certificate_subject": {"CN": "no"}}),
        ("does not use TLS", opened().port, ours),
    ):
        with pytest.raises(PeerUnavailable, match=problem) as refused:
            storage_scu.echo(peer_at(port, **keys), "ME")
        assert refused.value.hint
        assert "127.0.0.1" not in str(refused.value)


@contextmanager
def web(pair: Pair, client_ca: Path | None = None) -> Iterator[tuple[int, list[str]]]:
    """A DICOMweb server with TLS that finds nothing: its port and the authorizations it got."""
    authorizations: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorizations.append(str(self.headers["Authorization"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None: ...

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port, authorizations
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_dicomweb_with_certificates_and_logins(
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Tokens are read for each request; other authorities of the environment do not count."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.foreign_ca))
    monkeypatch.setenv("PACS_PASSWORD", "pass:wörd")
    token = tmp_path / "token"
    token.write_text("first-secret\n")
    with web(certificates.pacs, certificates.ca) as (port, authorizations):
        keys = {**certificates.tessera.keys(), "ca_file": certificates.ca}

        def peer(**login: Any) -> Peer:
            address = f"https://127.0.0.1:{port}/dicom-web"
            return Peer.model_validate({"name": "web", "dicomweb": address, **keys, **login})

        bearer, basic = peer(token_file=token), {"password_env": "PACS_PASSWORD"}
        dicomweb_client.search(bearer, {}, 1)
        token.write_text("second-secret\n")
        dicomweb_client.search(bearer, {}, 1)
        dicomweb_client.search(peer(username="tessera", **basic), {}, 1)
        encoded = "Basic dGVzc2VyYTpwYXNzOnfDtnJk"
        assert authorizations == ["Bearer first-secret", "Bearer second-secret", encoded]
        token.unlink()
        with pytest.raises(PeerUnavailable, match="token_file: the file cannot be read"):
            dicomweb_client.search(bearer, {}, 1)
        keys["ca_file"] = certificates.foreign_ca
        with pytest.raises(PeerUnavailable, match="not signed by an authority"):
            dicomweb_client.search(peer(), {}, 1)
    for text in (repr(bearer), repr(bearer.tls_context()), caplog.text):
        assert "secret" not in text.replace("token_file", "")
        assert "wörd" not in text


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('token_file = "{folder}/none"', "token_file: the file cannot be read"),
        ('token_env = "NONE"', "NONE is not set"),
        ('token_file = "{folder}/t"\ntoken_env = "HOME"', "either token_env or token_file"),
        ('token_file = "{folder}/t"\nusername = "u"', "given together"),
        ('token_env = "HOME"\nusername = "u"\npassword_env = "HOME"', "give a token, or"),
        ('ca_file = "{folder}/none"', "ca_file: the file does not exist"),
        ('ca_file = "{folder}/t"', "ca_file: the file holds no certificate"),
        ('key_file = "{folder}/t"', "given together"),
        ("tls = true", "tls needs host"),
        ('certificate_name = "a"', "need ae_title"),
    ],
)
def test_faults_of_a_peer_are_named(tmp_path: Path, keys: str, problem: str) -> None:
    (tmp_path / "t").write_text("a-token")
    path = tmp_path / "routes.toml"
    peer = '[[peer]]\nname = "web"\ndicomweb = "https://h/dicom-web"\n'
    path.write_text(peer + keys.format(folder=tmp_path))
    with pytest.raises(BadRequest, match=problem) as refused:
        RoutingTable.load(path)
    assert "a-token" not in str(refused.value)


def test_a_password_in_the_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text('[[peer]]\nname = "web"\ndicomweb = "https://u:secret@h/dicom-web"\n')
    with pytest.raises(BadRequest) as refused:
        RoutingTable.load(path)
    assert "u:secret" not in str(refused.value)


def test_senders_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text('[[sender]]\nae_title = "MR1"\ncertificate_name = "mr1.hospital.example"\n')
    (caller,) = RoutingTable.load(path).callers
    assert caller.ae_title == "MR1"
    path.write_text('[[sender]]\nae_title = "MR1"\n')
    with pytest.raises(BadRequest, match="give certificate_sha256"):
        RoutingTable.load(path)


def test_files_that_cannot_be_used(certificates: Certificates, tmp_path: Path) -> None:
    """The setting is named, and what is wrong with its file."""
    good, other = certificates.tessera, certificates.pacs
    none, text = tmp_path / "none.pem", tmp_path / "text.pem"
    text.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    locked = tmp_path / "locked.key"
    locked.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    for certificate, key, problem in (
        (none, good.key, "DICOM_TLS_CERTIFICATE: the file does not exist"),
        (good.certificate, none, "DICOM_TLS_KEY: the file does not exist"),
        (good.certificate, locked, "DICOM_TLS_KEY: the file is protected by a password"),
        (good.certificate, other.key, "the key does not fit the certificate"),
        (good.key, good.key, "DICOM_TLS_CERTIFICATE: the file holds no certificate"),
        (text, good.key, "the files cannot be used"),
        (good.certificate, None, "one of them is not set"),
    ):
        with pytest.raises(BadRequest, match=problem) as refused:
            dicom_tls(Settings(dicom_tls_certificate=certificate, dicom_tls_key=key))
        assert refused.value.expected
        assert refused.value.hint
    with pytest.raises(BadRequest, match="TESSERA_TLS_KEY"):
        http_tls(Settings(tls_certificate=good.certificate))
    assert dicom_tls(Settings()) is None


class _Reports:
    """Keeps reports of storage commitment."""

    def __init__(self) -> None:
        self.all: list[CommitmentReport] = []

    def record(self, report: CommitmentReport) -> bool:
        self.all.append(report)
        return True


@pytest.mark.slow
def test_orthanc_both_ways(
    secured_orthanc: Orthanc,
    secured: Open,
    opened: Open,
    certificates: Certificates,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Stored, verified and committed with client certificates; refused and said otherwise."""
    reports = _Reports()
    named = CertificateKeys(certificate_sha256=(certificates.pacs.sha256,))
    here = secured(callers=[Caller("ORTHANC", named)], commitments=reports)
    secured_orthanc.modality("tessera", here.port, tls=True)
    path, *_ = written(series(1), tmp_path / "images")
    keys = {"ae_title": "ORTHANC", "certificate_sha256": certificates.pacs.sha256}
    ours = {**certificates.tessera.keys(), "ca_file": certificates.ca, **keys}
    peer = peer_at(secured_orthanc.dicom, **ours)
    storage_scu.echo(peer, "TESSERA")
    instance = identify(path)
    storage_scu.store(peer, path, instance, "TESSERA")
    (stored,) = secured_orthanc.instances("MR")
    delivery = Delivery(
        *("d", "job", "archive", "dicom-seg", 0.0),
        sop_class=instance.sop_class,
        sop_instance=instance.sop_instance,
        transaction=new_transaction(),
    )
    with storage_commitment.requested(peer, delivery, "TESSERA", reports.record):
        until(lambda: reports.all)
    assert reports.all[0].committed == (instance.sop_instance,)
    sent = {"json": stored["ParentSeries"]}
    secured_orthanc.client.post("/modalities/tessera/store", **sent).raise_for_status()
    assert len(here.files()) == 1
    dicom = secured_orthanc.dicom
    for problem, wrong in (
        ("not signed by an authority", {"ca_file": certificates.foreign_ca}),
        ("our certificate has expired", certificates.expired.keys()),
        ("does not trust the authority", certificates.foreign.keys()),
        ("another SHA-256", {"certificate_sha256": "00" * 32}),
        (
            "the connection was lost",
            {"tls": False, "ca_file": None, "certificate_file": None, "key_file": None},
        ),
    ):
        with pytest.raises((PeerUnavailable, PeerRefused)) as failed:
            storage_scu.echo(peer_at(dicom, **{**ours, **wrong}), "TESSERA")
        assert problem in str(failed.value)
    storage_scu.echo(peer, "TESSERA")
    stranger = CertificateKeys(certificate_sha256=("00" * 32,))
    for port, tls in (
        (secured(certificates.expired).port, True),
        (secured(callers=[Caller("ORTHANC", stranger)]).port, True),
        (here.port, False),
    ):
        secured_orthanc.modality("tessera", port, tls=tls)
        refused = secured_orthanc.client.post("/modalities/tessera/store", **sent)
        assert refused.is_server_error
    for reason in ("our certificate has expired", certificates.pacs.sha256, "it uses no TLS"):
        assert reason in caplog.text
    for secret in (PATIENT, NUMBER, DESCRIPTION, instance.sop_instance):
        assert secret not in caplog.text
