"""How long views and other peers wait for a peer that sends one byte a second.

    python -m benchmarks.slow_peers

Starts a gateway with two peers: one drips, the other answers at once. While as many searches as
there are cores wait for the first, it prints the seconds that a volume and a search on
the other peer take, and the status and seconds of the slow searches. Needs the test environment.
"""

import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.gateway import start
from tests.support.images import nifti_bytes
from tests.support.slow_peer import JSON, slow_peer

TIMEOUT_S = 30


def main() -> None:
    """Measures and prints."""
    with (
        tempfile.TemporaryDirectory() as folder,
        slow_peer(JSON[:-24], JSON[-24:], 1.0) as slow,
        slow_peer(JSON, b"") as other,
        ThreadPoolExecutor() as pool,
    ):
        os.environ.setdefault("TESSERA_CACHE", f"{folder}/cache")
        table = Path(folder) / "routes.toml"
        table.write_text(
            "".join(
                f'[[peer]]\nname = "{name}"\ntimeout_s = {TIMEOUT_S}\n'
                f'dicomweb = "http://127.0.0.1:{peer.port}"\n'
                for name, peer in (("snail", slow), ("hare", other))
            )
        )
        gateway = start(Path(folder) / "data", routing_table=str(table))
        try:
            scan = gateway.scan(nifti_bytes((20, 20, 20)))
            searches = [
                pool.submit(_timed, gateway.client, "/v1/peers/snail/series")
                for _ in range(os.cpu_count() or 1)
            ]
            time.sleep(1)
            results = {
                "volume": _timed(gateway.client, f"/v1/scans/{scan}/volume"),
                "other_peer": _timed(gateway.client, "/v1/peers/hare/series"),
                "searches": [one.result() for one in searches],
            }
            print(json.dumps(results))
        finally:
            gateway.stop()


def _timed(client: httpx.Client, address: str) -> tuple[int, float]:
    """Status and seconds."""
    began = time.monotonic()
    status = client.get(address, timeout=300).status_code
    return status, round(time.monotonic() - began, 2)


if __name__ == "__main__":
    main()
