"""Whether the time of an answer tells that an id of another project exists.

    python -P benchmarks/isolation.py [--tries 500] [--databases sqlite] [--only TEXT] [--json FILE]

Starts a gateway with two projects. For every request that takes an id, a caller of one project
sends requests with an id of the other project and with an id that nobody has, in random order. A
Mann-Whitney test compares the two sets of times. Of many tests at p > 0.01, one in a hundred fails
by chance; so a request counts as told apart if it fails, and fails again with new requests.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from scipy.stats import mannwhitneyu

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from gateway_process import free_port, running  # noqa: E402
from queue_depth import database  # noqa: E402
from record import save  # noqa: E402

from jobs.settings import Settings  # noqa: E402
from models.registry import Registry  # noqa: E402
from service.app import create_app  # noqa: E402
from service.auth import Permission  # noqa: E402
from tests.support.other_project import (  # noqa: E402
    IDS,
    NAMED_ELSEWHERE,
    both_ids,
    named_elsewhere,
    tried,
)
from tests.support.route_permissions import routes_of  # noqa: E402
from tests.support.stored_accounts import StoredKeys, stored_keys  # noqa: E402

DATABASES = ("sqlite", "postgresql")
MODEL = "hippocampus-mri-3d"
WARM_UP, LIMIT, ROUNDS = 20, 0.01, 2
Row = dict[str, Any]
Ids = dict[str, str]
Send = Callable[[Ids], httpx.Response]


def main() -> None:
    """Prints a line for each route, the most suspicious first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=500, help="with each of the two ids")
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--only", default="", help="requests with this text")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows = [
        row for name in options.databases for row in of_database(name, options.tries, options.only)
    ]
    if options.json:
        save(options.json, rows, limit=LIMIT, tries=options.tries)


def of_database(name: str, tries: int, only: str) -> list[Row]:
    """A row for each route that takes an id."""
    rows = []
    with gateway(name) as (client, keys, settings):
        both = both_ids(client, keys, settings, MODEL)
        for named, send in requests(client, keys, settings):
            if only not in named:
                continue
            rows.append({"database": name, "route": named, **compared(send, both, tries)})
            print(f"\r{name}: {len(rows)} routes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for row in sorted(rows, key=lambda row: row["p"][-1]):
        ms = f"{row['theirs_ms']:7.3f} {row['nobodys_ms']:7.3f} ms"
        print(f"{name:12} {ms}   p {' then '.join(map(str, row['p'])):16} {row['route']}")
    apart = [row for row in rows if row["p"][-1] <= LIMIT]
    print(f"{name}: {len(apart)} of {len(rows)} routes are told apart.", flush=True)
    return rows


def requests(
    client: httpx.Client, keys: StoredKeys, settings: Settings
) -> Iterator[tuple[str, Send]]:
    """The name of every request that takes an id, and a function that sends it with these ids."""
    for route in routes_of(create_app(settings, Registry(settings.models))):
        public = Permission.PUBLIC in route.permissions
        if route.parameters & set(IDS) and not public and not route.path.endswith("/"):
            send = partial(tried, client, route, headers=keys.other)
            yield f"{route.method} {route.path}", lambda ids, send=send: send(ids=ids)
    for request in NAMED_ELSEWHERE:
        send = partial(named_elsewhere, client, request, headers=keys.other)
        yield f"{request[0]} {request[1]}", lambda ids, send=send: send(ids=ids)


def compared(send: Send, both: tuple[Ids, Ids], tries: int) -> Row:
    """Median times of both ids in milliseconds, and the p values of the rounds."""
    chance, found = random.Random(0), []
    for _ in range(ROUNDS):
        times: tuple[list[float], list[float]] = ([], [])
        for number, which in pairs(chance, WARM_UP + tries):
            began = time.perf_counter()
            answer = send(both[which])
            seconds = time.perf_counter() - began
            if answer.status_code not in (200, 201, 404):
                raise SystemExit(f"{answer.request.url.path} answered {answer.status_code}.")
            if number >= WARM_UP:
                times[which].append(seconds)
        found.append(float(f"{mannwhitneyu(*times).pvalue:.2g}"))
        if found[-1] > LIMIT:
            break
    theirs, nobodys = (round(1e3 * median(one), 3) for one in times)
    return {"theirs_ms": theirs, "nobodys_ms": nobodys, "p": found}


def pairs(chance: random.Random, count: int) -> Iterator[tuple[int, int]]:
    """The number of each pair, with 0 and 1 in random order."""
    for number in range(count):
        for which in chance.sample((0, 1), 2):
            yield number, which


@contextlib.contextmanager
def gateway(name: str) -> Iterator[tuple[httpx.Client, StoredKeys, Settings]]:
    """A gateway without a worker, on a database with two projects."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
        settings = Settings(data=Path(folder), database_url=url, broker_url="file://")
        keys = stored_keys(settings)
        environment = {
            "TESSERA_DATA": folder,
            "TESSERA_DATABASE_URL": url,
            "TESSERA_BROKER_URL": "file://",
            "TESSERA_PORT": str(port),
        }
        command = [Path(sys.executable).parent / "tessera", "gateway"]
        with running(command, port, environment) as client:
            yield client, keys, settings


if __name__ == "__main__":
    main()
