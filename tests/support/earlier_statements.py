"""Records the statements that this code executes in a job's life, for tests of later schemas."""

import json
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from jobs.job import Progress
from jobs.repository import Held, Repository
from tests.support.postgres import running_server
from tests.support.rows import make_job, make_scan


def record(url: str) -> tuple[str, list[list[Any]]]:
    """The name of the dialect, and what was executed in the empty database: for each statement its
    step (`store`, `run`, `read`), its text and its parameters."""
    executed: list[list[Any]] = []
    step = "store"
    with closing(Repository(url)) as repository:
        repository.migrate()

        @event.listens_for(repository.database._engine, "before_cursor_execute")
        def on_statement(*given: Any) -> None:
            statement, parameters, many = given[2], given[3], given[5]
            assert not many, statement
            if not statement.startswith("BEGIN"):
                named = isinstance(parameters, dict)
                executed.append([step, statement, parameters if named else list(parameters)])

        repository.scans.add(make_scan())
        for n in range(3):
            repository.jobs.add(make_job(f"old{n}"))
        repository.messages.mark_sent(["old0"])
        step = "run"
        job = repository.leases.claim_next("old0", "old-worker", 30.0)
        assert job is not None
        assert repository.leases.begin(job.id, job.fence)
        repository.leases.renew({Held(job.id, job.fence): Progress(1, 2)}, 30.0)
        assert repository.leases.finish(
            job.id,
            job.fence,
            mask_sha256="a" * 64,
            mask_format="nifti",
            preview_sha256="b" * 64,
            report={"seconds": 1.0},
        )
        step = "read"
        repository.worklist.page("ada")
        repository.jobs.get("ada", "old0")
        repository.scans.get("ada", "scan")
        repository.messages.unsent()
        return repository.database._engine.dialect.name, executed


if __name__ == "__main__":
    with running_server() as postgres, tempfile.TemporaryDirectory() as folder:
        found = dict(record(url) for url in (f"sqlite:///{folder}/tessera.db", postgres))
    text = json.dumps(found, indent=1, default=lambda value: json.dumps(value.obj))
    Path(sys.argv[1]).write_text(text + "\n")
