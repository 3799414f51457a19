"""Labels, as MONAI Label calls them: the corrected masks of a scan, each with a tag."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, distinct, func, select, update

from imaging.errors import Conflict, Forbidden
from jobs.repository.client_info import merged_info
from jobs.repository.database import Database
from jobs.repository.legal_holds import check_not_held
from jobs.repository.reading_rows import readings_of, visible, with_shown_names
from jobs.repository.references import unreferenced
from jobs.repository.reviews import no_corrected_mask
from jobs.repository.rows import review_of, scan_of
from jobs.repository.scans import check_scan
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import review_stands, reviews
from jobs.repository.schema.scan_tables import scans
from jobs.repository.verdicts import update_verdict
from jobs.review import Review, Role
from jobs.second_reading import reader_key
from jobs.stored_scan import StoredScan

FINAL = "final"
"""The tag of a mask that a reader has completed."""


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Numbers of scans: in total, with a final label, and with a label of each tag."""

    total: int
    completed: int
    tags: Mapping[str, int]


class Labels:
    """Corrected masks by scan and tag; each is stored as a review, and no label once withdrawn.

    A label in an open second reading is shown to its own `reader` only. `reader`: the name of the
    account that asks, empty if it is not known; None: Tessera itself, which sees all.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, scan_ids: Collection[str], reader: str | None = "") -> list[Review]:
        """The newest label of each tag, for scans that the caller is known to have access to."""
        latest = select(func.max(reviews.c.seq)).where(
            reviews.c.scan.in_(scan_ids),
            reviews.c.mask_sha256.is_not(None),
            review_stands,
            visible(reader),
        )
        latest = latest.group_by(reviews.c.scan, reviews.c.tag)
        query = select(reviews).where(reviews.c.seq.in_(latest)).order_by(reviews.c.seq)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return with_shown_names(connection, map(review_of, rows), reader)

    def get(self, project: str, scan_id: str, tag: str, reader: str | None = "") -> Review:
        """The newest label of the project's scan with this tag; raises NotFound."""
        with self._database.read() as connection:
            check_scan(connection, project, scan_id)
        for label in self.newest([scan_id], reader):
            if label.tag == tag:
                return label
        raise no_corrected_mask()

    def add_info(
        self, project: str, scan_id: str, tag: str, info: Mapping[str, Any], reader: str | None = ""
    ) -> None:
        """Adds to the client's own data about the newest label with this tag, as `merged_info`.

        Raises NotFound, and Forbidden for the label of another reader.
        """
        label = self.get(project, scan_id, tag, reader)
        _own([label], reader)
        this = reviews.c.id == label.id
        with self._database.write() as connection:
            stored = connection.execute(select(reviews.c.info).where(this).with_for_update())
            values = {"info": merged_info(stored.scalar(), info)}
            connection.execute(update(reviews).where(this).values(values))

    def delete(self, project: str, scan_id: str, tag: str, reader: str | None = "") -> list[str]:
        """Deletes the labels of the project's scan with this tag: of a reader who is known, the own
        ones, else all. Returns unreferenced blobs.

        Each job's verdict becomes what its remaining reviews say. Raises NotFound, LegalHold,
        Forbidden if all labels are other readers', or Conflict if a label is one of the readings
        between which a second reading has compared.
        """
        with self._database.write() as connection:
            check_not_held(self._database, connection, project, [scan_id])
            check_scan(connection, project, scan_id, lock=True)
            these = (reviews.c.scan == scan_id) & (reviews.c.tag == tag) & visible(reader)
            rows = connection.execute(select(reviews).where(these)).mappings().all()
            labels = [review_of(row) for row in rows]
            if not labels:
                raise no_corrected_mask()
            labels = _own(labels, reader)
            judged = sorted({label.job for label in labels if label.job is not None})
            lock = select(jobs.c.id).where(jobs.c.id.in_(judged)).order_by(jobs.c.seq)
            connection.execute(lock.with_for_update())
            _check_not_compared(connection, labels, judged)
            ids = [label.id for label in labels]
            connection.execute(delete(reviews).where(reviews.c.id.in_(ids)))
            for job_id in judged:
                update_verdict(connection, job_id)
            blobs = {label.mask_sha256 for label in labels}
            return unreferenced(connection, {one for one in blobs if one is not None})

    def counts(self, project: str, reader: str | None = "") -> LabelCounts:
        """How many of the project's scans have labels."""
        total = select(func.count()).select_from(scans).where(scans.c.project == project)
        tagged = select(reviews.c.tag, func.count(distinct(reviews.c.scan)))
        tagged = tagged.join(scans, scans.c.id == reviews.c.scan)
        tagged = tagged.where(
            scans.c.project == project, reviews.c.tag.is_not(None), review_stands, visible(reader)
        )
        with self._database.read() as connection:
            rows = connection.execute(tagged.group_by(reviews.c.tag))
            tags = {tag: int(n) for tag, n in rows}
            return LabelCounts(connection.execute(total).scalar_one(), tags.get(FINAL, 0), tags)

    def next_scan(
        self, project: str, reader: str | None = "", *, at_random: bool
    ) -> StoredScan | None:
        """A scan without a final label: the oldest, or any; None if all scans have one."""
        done = select(reviews.c.scan).where(
            reviews.c.tag == FINAL, reviews.c.scan == scans.c.id, review_stands, visible(reader)
        )
        query = select(scans).where(scans.c.project == project, ~done.exists())
        query = query.order_by(func.random() if at_random else scans.c.seq).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else scan_of(row)


def _own(labels: list[Review], reader: str | None) -> list[Review]:
    if not reader:
        return labels
    own = [label for label in labels if reader_key(label.reviewer) == reader_key(reader)]
    if not own:
        raise Forbidden(
            "The mask is another reader's.",
            expected="A mask of your own.",
            hint="Save a mask of your own; the newest one is the label.",
        )
    return own


def _check_not_compared(
    connection: Connection, labels: Collection[Review], job_ids: Collection[str]
) -> None:
    """Raises Conflict if a label is part of a second reading whose readings were all given."""
    compared: set[str] = set()
    for reading in readings_of(connection, job_ids).values():
        compared.update(() if reading.agreement is None else reading.agreement.reviews)
    if any(one.id in compared or one.role is Role.ADJUDICATION for one in labels):
        raise Conflict(
            "The mask is part of a second reading.",
            expected="A mask that was not compared with that of another reader.",
            hint="Keep it. A deletion of the scan deletes it, too.",
        )
