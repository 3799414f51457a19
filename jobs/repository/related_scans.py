"""Scans that may show the same subject as a scan, to be compared with it."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from imaging.scan_display import ScanDisplay
from jobs.repository.database import Database
from jobs.repository.rows import scan_of
from jobs.repository.scans import no_scan
from jobs.repository.schema.job_tables import job_scans
from jobs.repository.schema.scan_tables import scans
from jobs.stored_scan import StoredScan


class Relation(StrEnum):
    """What a scan has in common with another one; the first that holds."""

    FRAME = "frame"
    """The same frame of reference: positions in mm mean the same place."""
    STUDY = "study"
    """The same DICOM study."""
    SUBJECT = "subject"
    """The same pseudonym of the patient."""
    JOB = "job"
    """Both are inputs of one job."""
    NONE = "none"
    """Nothing is known."""


@dataclass(frozen=True, slots=True)
class RelatedScan:
    """A scan, and what it has in common with the one that was asked about."""

    scan: StoredScan
    relation: Relation


class RelatedScans:
    """Finds scans of the same subject."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(
        self, project: str, scan_id: str, name: str = "", limit: int = 50
    ) -> tuple[list[RelatedScan], bool]:
        """At most `limit` other scans of the same dimension, the closest relation first, then the
        newest; and whether there are more.

        `name`: only scans whose name contains this, in upper or lower case. Raises NotFound.
        """
        with self._database.read() as connection:
            mine = select(scans).where(scans.c.project == project, scans.c.id == scan_id)
            row = connection.execute(mine).mappings().one_or_none()
            if row is None:
                raise no_scan()
            scan = scan_of(row)
            partners = _partners(scan_id)
            inputs = set(connection.execute(partners).scalars())
            others = select(scans).where(scans.c.project == project, scans.c.id != scan_id)
            if name:
                others = others.where(scans.c.name.icontains(name, autoescape=True))
            newest = others.order_by(scans.c.seq.desc())
            akin = or_(_of_subject(scan.display or ScanDisplay()), scans.c.id.in_(inputs))
            related = connection.execute(newest.where(akin)).mappings()
            rows = {row["id"]: scan_of(row) for row in related}
            newer = connection.execute(newest.limit(limit + len(rows) + 1)).mappings()
            rows.update({row["id"]: scan_of(row) for row in newer if row["id"] not in rows})
        found = [
            RelatedScan(one, _relation(scan, one, inputs))
            for one in rows.values()
            if len(one.shape) == len(scan.shape)
        ]
        found.sort(key=lambda one: list(Relation).index(one.relation))  # stable: newest first
        return found[:limit], len(found) > limit


def _partners(scan_id: str) -> "Select[str]":
    users = select(job_scans.c.job).where(job_scans.c.scan == scan_id)
    return select(job_scans.c.scan).where(job_scans.c.job.in_(users), job_scans.c.scan != scan_id)


def _of_subject(display: ScanDisplay) -> ColumnElement[bool]:
    """The condition for scans that share a frame of reference, a study or a pseudonym."""
    known = {
        "frame_of_reference": display.frame_of_reference,
        "study": display.study,
        "subject": display.subject,
    }
    same = (scans.c.display[name].as_string() == value for name, value in known.items() if value)
    return and_(scans.c.display.is_not(None), or_(false(), *same))


def _relation(scan: StoredScan, other: StoredScan, inputs: set[str]) -> Relation:
    mine, its = scan.display or ScanDisplay(), other.display or ScanDisplay()
    if mine.frame_of_reference and mine.frame_of_reference == its.frame_of_reference:
        return Relation.FRAME
    if mine.study and mine.study == its.study:
        return Relation.STUDY
    if mine.subject and mine.subject == its.subject:
        return Relation.SUBJECT
    return Relation.JOB if other.id in inputs else Relation.NONE
