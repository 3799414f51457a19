"""Judged masks of this machine's database, for `tessera dataset export`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.limits import UNLIMITED
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from jobs.blobs import Blobs, open_blobs
from jobs.repository import Repository
from jobs.server_database import has_database, server_database
from jobs.settings import Settings
from models.data_set.judged_case import JudgedCase
from service.use_cases.judged_cases import judged_case_of


class StoredMasks:
    """The accepted and corrected masks of a project in a database."""

    def __init__(
        self,
        repository: Repository,
        blobs: Blobs,
        project: str,
        models: Sequence[str],
        scratch: Path,
    ) -> None:
        self._repository, self._blobs = repository, blobs
        self._project, self._models, self._scratch = project, models, scratch

    def cases(self) -> Iterator[JudgedCase]:
        """Implements `JudgedMasks.cases`."""
        for judged in self._repository.judged_jobs.of_models(self._project, self._models):
            yield judged_case_of(judged)

    @contextmanager
    def opened(self, case: JudgedCase) -> Iterator[tuple[Mapping[str, Scan], Scan]]:
        """Implements `JudgedMasks.opened`; raises DamagedFile for a file that was changed."""
        with ExitStack() as stack:
            scans = {
                channel: self._open(scan.sha256, stack) for channel, scan in case.scans.items()
            }
            job = self._repository.jobs.get(self._project, case.job)
            sha256 = job.mask_sha256
            if case.verdict == "corrected":
                review = self._repository.reviews.with_mask(
                    self._project, case.job, case.review, None
                )
                sha256 = review.mask_sha256
            yield scans, self._open(sha256 or "", stack)

    def _open(self, sha256: str, stack: ExitStack) -> Scan:
        path = stack.enter_context(self._blobs.local(sha256))
        return open_scan(path, UNLIMITED, self._scratch)


@contextmanager
def stored_masks(project: str, models: Sequence[str], scratch: Path) -> Iterator[StoredMasks]:
    """The masks of the database and the files that the settings name, like the gateway's.

    Raises BadRequest where there is no database.
    """
    settings = Settings()
    if not has_database(settings):
        raise BadRequest(
            "There is no database in the data folder.",
            expected="The data folder of a gateway that has run, or a server.",
            hint="Set TESSERA_DATA or TESSERA_DATABASE_URL to the gateway's value, or give the "
            "server with --server.",
        )
    with server_database(settings) as repository:
        yield StoredMasks(repository, open_blobs(settings), project, models, scratch)
