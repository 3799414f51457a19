"""Endurance: a day's work in 20 minutes, and whether anything grows that should not.

    python -m benchmarks.endurance [--minutes 20] [--up-minutes 5]
                                   [--json benchmarks/results/endurance.json]

A day's work is `benchmarks.day_of_work.PER_DAY`: 3,744 jobs (1,440 of them in batches of ten, 288
cancelled, 24 of added models), 3,432 uploads (144 of them unfinished, 288 damaged), 960 followers
of event streams, of whom half drop the connection, 144 corrected masks, 288 reviews, 72 DICOM
series by C-STORE whose masks are sent to an archive, 24 models that are added, used and removed,
144 refused orders, and a webhook message for the end of each job and batch, of which one in 20 has
to be sent twice. Scans are deleted, with jobs and masks, when they are a minute old; times of
keeping and collection are as short, so that the steady state is reached early.

It is done on a gateway and two workers with PostgreSQL and Redis for `--minutes`, then on
`tessera up` (SQLite, messages in files) for `--up-minutes`; a part of 20 minutes is the same part
of the day. No process is restarted. Every few seconds, memory (not backed by a file), handles and
threads of each kind of process are sampled, with Redis keys and memory, rows of each table, rows
and files without owner, temporary files and log bytes.

The slope of each value over the second half (Theil-Sen) times a day's length is its growth per
day's work. It is called growth if it is above the tolerance and the whole confidence interval of
the slope (99 %) is above zero. At the end everything is deleted, and whatever is left after the
times of keeping is listed. Exit status 1 if anything grows, is left, or went wrong.
"""

import argparse
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import SegmentationStorage
from scipy.stats import theilslopes

from benchmarks.day_of_work import PER_DAY, VOLUME_MODEL, DayOfWork, add_model
from benchmarks.gateway_process import free_port
from benchmarks.installation import Installation, installed
from benchmarks.record import save
from benchmarks.resource_samples import ResourceSamples, Sample
from tests.support.webhook_receiver import SECRET, Receiver, receiver

DAY_S = 1200.0
KEPT_S = 30
"""Times of keeping, in seconds."""
LEASE_S = 10
GRACE_S = 25
ABANDONED_S = 90.0
"""What nobody refers to must be gone after this: keeping, grace, and pauses of collectors."""
SAMPLES = 60
"""Fewest samples of a run; more if it is longer than ten minutes."""
TOLERANCES = {
    "memory": 16.0, "handles": 4.0, "threads": 4.0, "processes": 0.5, "Redis": 8.0, "rows": 60.0,
    "without owner": 0.5, "files": 40.0, "disk": 48.0,
}  # fmt: skip
"""Growth per day's work that counts as none, by kind: MB for memory and disk."""
TOLERATED_SHARE = 0.05
"""Growth below this share of the value counts as none, too."""
LEFT = ("rows: jobs", "rows: scans", "rows: batches", "rows: reviews", "rows: deliveries")
LEFT += ("rows: job_ends", "rows: job_scans", "rows: webhook_messages", "files: stored")
LEFT += ("files: temporary, of Tessera", "files: temporary, of the system", "files: DICOM inbox")
LEFT += ("files: unfinished uploads", "without owner: stored files")
"""What has to be zero after everything was deleted."""
Row = dict[str, Any]
Taken = list[tuple[float, Sample]]
"""Samples, and seconds since the beginning."""


def main() -> None:
    """Prints a table for each set-up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="0: not at all")
    parser.add_argument("--up-minutes", type=float, default=5.0, help="0: not at all")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rows: list[Row] = []
    problems: dict[str, list[str]] = {}
    for setup, minutes in (("servers", options.minutes), ("up", options.up_minutes)):
        if minutes:
            own, problems[setup] = measured(setup, 60 * minutes)
            rows += own
    if options.json:
        facts = {"minutes": options.minutes, "up_minutes": options.up_minutes}
        save(options.json, rows, **facts, per_day=PER_DAY, problems=problems)
    grows = [row["what"] for row in rows if row["verdict"] == "grows"]
    sys.exit(bool(grows or any(problems.values())))


def measured(setup: str, seconds: float) -> tuple[list[Row], list[str]]:
    """Rows of one installation, and whatever went wrong."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tessera-endurance-")))
        archive = stack.enter_context(dicom_archive())
        webhooks = stack.enter_context(receiver(sometimes_refusing))
        dicom_port, models = free_port(), folder / "models"
        add_model(models, VOLUME_MODEL, 8)  # before the gateway starts: a routing rule names it
        environment = settings(folder, models, dicom_port, archive, webhooks)
        here = stack.enter_context(installed(setup, 2, environment))
        day = DayOfWork(here.gateway.address, dicom_port, models, DAY_S)
        stack.callback(day.close)
        samples = ResourceSamples(here, folder / "temporary", ABANDONED_S)
        stack.callback(samples.close)
        started = pids(here)
        taken = observed(day, samples, seconds)
        problems = [f"{number} x {text}" for text, number in day.problems.items()]
        problems += failed_jobs(samples)
        if pids(here) != started:
            problems.append("a process of Tessera has ended or was restarted")
        problems += left_over(day, samples)
        rows = [{"setup": setup, **row} for row in rows_of(taken)]
        show(setup, rows, day.done, problems)
        return rows, problems


def settings(
    folder: Path, models: Path, dicom_port: int, archive_port: int, webhooks: Receiver
) -> dict[str, str]:
    """The environment of Tessera's processes."""
    (folder / "temporary").mkdir()
    table = folder / "routes.toml"
    table.write_text(
        f"""
[[peer]]
name = "archive"
host = "127.0.0.1"
port = {archive_port}
ae_title = "ARCHIVE"

[[rule]]
modality = "MR"
model = "{VOLUME_MODEL}"
to = ["archive"]

[[webhook]]
name = "receiver"
url = "http://127.0.0.1:{webhooks.port}/"
secret_env = "ENDURANCE_SECRET"
private = true
"""
    )
    values = {
        "MODELS": models, "DICOM_PORT": dicom_port, "ROUTING_TABLE": table, "THREADS": 1,
        "LEASE_S": LEASE_S, "BLOB_GRACE_S": GRACE_S, "UPLOAD_KEEP_S": KEPT_S,
        "WEBHOOK_KEEP_S": KEPT_S, "DICOM_SERIES_KEEP_S": KEPT_S, "DICOM_REFUSED_KEEP_S": KEPT_S,
        "DICOM_SERIES_IDLE_S": 1, "LOG_BYTES": 1 << 20,
    }  # fmt: skip
    return {
        **{f"TESSERA_{name}": str(value) for name, value in values.items()},
        "OMP_NUM_THREADS": "1",
        "ENDURANCE_SECRET": SECRET,
        "TMPDIR": str(folder / "temporary"),
    }


def observed(
    day: DayOfWork, samples: ResourceSamples, seconds: float
) -> list[tuple[float, Sample]]:
    """Samples at seconds since the beginning, while the work is done."""
    began, taken = time.monotonic(), []
    every = min(10.0, seconds / SAMPLES)
    day.start()
    while (now := time.monotonic() - began) < seconds:
        taken.append((now, samples.take()))
        time.sleep(max(0.0, began + now + every - time.monotonic()))
    day.stop()
    return taken


def rows_of(taken: Taken) -> Iterator[Row]:
    """The value of each kind in the second half, and how it grows."""
    half = taken[len(taken) // 2 :]
    for what in sorted({name for _, sample in taken for name in sample}):
        times, values = zip(*((at, sample.get(what, 0.0)) for at, sample in half), strict=True)
        slope, _, low, _ = theilslopes(values, times, 0.99)
        growth, kind = slope * DAY_S, what.partition(":")[0]
        tolerance = max(TOLERANCES[kind], TOLERATED_SHARE * median(values))
        grows = growth > tolerance and low > 0 and not math.isnan(low)
        third = max(1, len(values) // 3)
        yield {
            "what": what,
            "half": round(median(values[:third]), 1),
            "end": round(median(values[-third:]), 1),
            "growth": round(growth, 1),
            "tolerance": round(tolerance, 1),
            "verdict": "grows" if grows else "flat",
        }


def failed_jobs(samples: ResourceSamples) -> list[str]:
    """Errors of jobs that should not have failed: those of a removed model may."""
    return [f"{number} jobs failed: {text}" for text, number in samples.failures("added-").items()]


def left_over(day: DayOfWork, samples: ResourceSamples) -> list[str]:
    """Deletes all scans; what is still there when everything should be gone."""
    end, left = time.monotonic() + 2 * ABANDONED_S, {"": 1.0}
    while left and time.monotonic() < end:
        day.delete_old(0.0)
        time.sleep(5)
        sample = samples.take()
        left = {name: sample[name] for name in LEFT if sample.get(name)}
    return [f"left in the end: {name}: {number:g}" for name, number in left.items()]


def pids(here: Installation) -> list[int]:
    """The processes of Tessera."""
    return sorted(process.pid for part in here.tessera for process in part.processes())


@contextmanager
def dicom_archive() -> Iterator[int]:
    """The port of an archive that forgets what it receives."""
    entity = AE("ARCHIVE")
    entity.supported_contexts = [build_context(SegmentationStorage)]
    port = free_port()
    handlers = [(evt.EVT_C_STORE, lambda _event: 0x0000)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield port
    finally:
        if server is not None:
            server.shutdown()


def sometimes_refusing(handler: Any) -> None:
    """Answers one webhook message in 20 with 503."""
    REFUSED["asked"] += 1
    handler.send_response(503 if REFUSED["asked"] % 20 == 0 else 204)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


REFUSED: Counter[str] = Counter()


def show(setup: str, rows: Sequence[Row], done: Counter[str], problems: Sequence[str]) -> None:
    """Prints everything."""
    print(f"== {setup}")
    for name, number in done.items():
        print(f"  {number:5} x {name}")
    for row in rows:
        line = "{what:42} {half:10} {end:10} {growth:+10} ({tolerance}) {verdict}"
        print(f"  {line.format(**row)}")
    for problem in problems:
        print(f"WRONG: {problem}")


if __name__ == "__main__":
    main()
