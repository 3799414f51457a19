"""The guide to webhooks: its table is valid, and its receiver verifies what Tessera sends."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.resources.routing_table import RoutingTable
from service.resources.signing_secret import SigningSecret
from service.resources.webhook_endpoint import WebhookEndpoint
from service.use_cases.webhook_payloads import trial_message
from service.webhooks.http_post import EndpointUnavailable, post
from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.waiting import until
from tests.support.webhook_receiver import SECRET

MadeEndpoint = Callable[..., WebhookEndpoint]
_BLOCK = re.compile(r'^ *```\w+ title="([^"]+)"\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)
FILES = dict(_BLOCK.findall((ROOT / "docs/how-to/webhooks.md").read_text()))


def test_the_table_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIS_WEBHOOK_SECRET", SECRET)
    (tmp_path / "webhooks.toml").write_text(FILES["webhooks.toml"])
    (webhook,) = RoutingTable.load(tmp_path / "webhooks.toml").webhook
    assert webhook.url == "https://ris.example.org/tessera"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of the guide's receiver, which runs in a process of its own."""
    number = free_port()
    (tmp_path / "receiver.py").write_text(FILES["receiver.py"])
    variables = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(number)}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-P", str(tmp_path / "receiver.py")],
            env=variables,
            stdout=log,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        yield number
        process.terminate()


@pytest.mark.process
def test_the_receiver_accepts_what_is_signed_and_nothing_else(
    port: int, tmp_path: Path, endpoint_at: MadeEndpoint
) -> None:
    """Given a genuine message, a repeated one, a forged, a changed, an old and a bare one."""
    endpoint = endpoint_at(port)
    body = trial_message(endpoint, "local").body.encode()
    now = int(time.time())

    def send(secret: str = SECRET, at: int = now, signed: bytes = body) -> int:
        signature = SigningSecret.parse(secret).sign("msg_1", at, signed)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at)}
        return post(endpoint, body, {**headers, "webhook-signature": signature})

    def listens() -> bool:
        try:
            return send() == 204
        except EndpointUnavailable:
            return False

    until(listens)
    assert send() == 204
    assert send(secret=str(SigningSecret.new())) == 400
    assert send(at=now - 3600) == 400
    assert send(signed=body + b" ") == 400
    assert post(endpoint, body, {}) == 400
    assert (tmp_path / "log").read_text().splitlines() == ["webhook.test {}"]
