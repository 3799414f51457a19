"""What clients of the MONAI Label surface ask of scans: their names, their labels, what is next."""

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, distinct, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from imaging.errors import Conflict, NotFound
from jobs.job import ImageName, Job, JobState, StoredScan
from jobs.repository.ask import JobRows
from jobs.repository.scans import no_scan
from jobs.repository.schema import (
    batches,
    brief,
    image_names,
    job_scans,
    jobs,
    reviews,
    scan_of,
    scans,
)

FINAL = "final"
"""The tag of a mask that a reader is done with."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """How many scans there are, how many a reader is done with, and how many bear each tag."""

    total: int
    completed: int
    tags: Mapping[str, int]


class ImageRows(JobRows):
    """Names of scans, sessions among them, and what was drawn on which scan."""

    def name_image(self, name: ImageName) -> None:
        """Keeps it, once; raises Conflict where the name is another scan's already."""
        try:
            with self._write() as connection:
                connection.execute(insert(image_names).values(asdict(name)))
        except IntegrityError as error:
            with self._read() as connection:
                query = _named(name.project, name.name)
                if connection.execute(query).scalars().first() == name.scan:
                    return
            raise Conflict(
                "There is another image of this name.",
                expected="A name that is free, or the same image again.",
                hint="Rename the volume and send it again, or delete the other image first.",
            ) from error

    def image(self, project: str, name: str) -> StoredScan:
        """The project's scan of that id, given name, SeriesInstanceUID or file name.

        Of a series' scans the largest, a localizer being none that is meant, and of those the
        newest. Raises NotFound, or Conflict where several scans bear the file name.
        """
        with self._read() as connection:
            mine = select(scans).where(scans.c.project == project)
            for exact in (
                mine.where(scans.c.id == name),
                mine.where(scans.c.id.in_(_named(project, name))),
                mine.where(scans.c.series == name).order_by(
                    scans.c.bytes.desc(), scans.c.seq.desc()
                ),
            ):
                row = connection.execute(exact.limit(1)).mappings().first()
                if row is not None:
                    return scan_of(row)
            return self._by_file_name(connection, mine, name)

    def image_names(self, scan_ids: Collection[str]) -> dict[str, str]:
        """Scan id -> the first name that it was given, of scans that the caller may see."""
        query = select(image_names.c.scan, image_names.c.name).where(
            image_names.c.scan.in_(scan_ids), image_names.c.expiry_s.is_(None)
        )
        query = query.order_by(image_names.c.created_at.desc())
        with self._read() as connection:
            return {row.scan: row.name for row in connection.execute(query)}

    def session(self, project: str, name: str) -> ImageName:
        """The project's session, used now; raises NotFound once it is over."""
        lives = (image_names.c.project == project) & (image_names.c.name == name) & _lives()
        with self._write() as connection:
            query = update(image_names).where(lives).values(used_at=time.time())
            row = connection.execute(query.returning(*image_names.c)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such session.", hint="Make one with PUT session/.")
        return ImageName(**row)

    def ended_sessions(self) -> list[ImageName]:
        """Everybody's sessions that were not used for as long as they last."""
        over = select(image_names).where(image_names.c.expiry_s.is_not(None), ~_lives())
        with self._read() as connection:
            return [ImageName(**row) for row in connection.execute(over).mappings()]

    def hand_over(self, session: ImageName) -> bool:
        """Has living sessions on the same scan take it along; False where there is none."""
        others = (
            (image_names.c.project == session.project)
            & (image_names.c.scan == session.scan)
            & (image_names.c.name != session.name)
            & _lives()  # never true of a name without an end
        )
        with self._write() as connection:
            query = update(image_names).where(others).values(brought=True)
            return connection.execute(query).rowcount > 0

    def forget_name(self, project: str, name: str) -> None:
        """The scan stays."""
        with self._write() as connection:
            mine = (image_names.c.project == project) & (image_names.c.name == name)
            connection.execute(delete(image_names).where(mine))

    def image_info(self, project: str, scan_id: str) -> dict[str, Any]:
        """What clients keep with the project's scan; raises NotFound."""
        with self._read() as connection:
            query = select(scans.c.info).where(scans.c.project == project, scans.c.id == scan_id)
            row = connection.execute(query).one_or_none()
        if row is None:
            raise no_scan()
        return dict(row.info or {})

    def note_image(self, project: str, scan_id: str, info: Mapping[str, Any]) -> None:
        """Replaces what is kept with the project's scan; raises NotFound."""
        with self._write() as connection:
            mine = (scans.c.project == project) & (scans.c.id == scan_id)
            if not connection.execute(update(scans).where(mine).values(info=dict(info))).rowcount:
                raise no_scan()

    def labelled(self, project: str) -> Labelled:
        """Counts of the project's scans."""
        total = select(func.count()).select_from(scans).where(scans.c.project == project)
        tags = select(reviews.c.tag, func.count(distinct(reviews.c.scan)))
        tags = tags.join(scans, scans.c.id == reviews.c.scan)
        tags = tags.where(scans.c.project == project, reviews.c.tag.is_not(None))
        with self._read() as connection:
            found = {tag: int(n) for tag, n in connection.execute(tags.group_by(reviews.c.tag))}
            return Labelled(connection.execute(total).scalar_one(), found.get(FINAL, 0), found)

    def unlabelled(self, project: str, *, at_random: bool) -> StoredScan | None:
        """A scan that no reader is done with: the oldest, or any; None when all are done."""
        done = select(reviews.c.scan).where(reviews.c.tag == FINAL, reviews.c.scan == scans.c.id)
        query = select(scans).where(scans.c.project == project, ~done.exists())
        query = query.order_by(func.random() if at_random else scans.c.seq).limit(1)
        with self._read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else scan_of(row)

    def made(self, project: str, scan_id: str) -> list[Job]:
        """The project's jobs that made a mask on this scan's grid, newest first."""
        first = select(job_scans.c.job).where(
            job_scans.c.scan == scan_id, job_scans.c.position == 0
        )
        query = select(*brief).where(
            jobs.c.project == project, jobs.c.state == JobState.SUCCEEDED, jobs.c.id.in_(first)
        )
        query = query.order_by(jobs.c.finished_at.desc(), jobs.c.seq.desc())
        with self._read() as connection:
            return self._jobs(connection, connection.execute(query).mappings())

    def mask_formats(self, scan_ids: Collection[str]) -> dict[str, str]:
        """Scan id -> the format of the newest mask that a job made on its grid."""
        query = select(job_scans.c.scan, jobs.c.mask_format).join(
            jobs, jobs.c.id == job_scans.c.job
        )
        query = query.where(
            job_scans.c.scan.in_(scan_ids),
            job_scans.c.position == 0,
            jobs.c.state == JobState.SUCCEEDED,
        )
        with self._read() as connection:
            rows = connection.execute(query.order_by(jobs.c.finished_at, jobs.c.seq))
            return {row.scan: row.mask_format for row in rows}

    def latest_batch(self, project: str, name: str) -> str | None:
        """Id of the project's newest batch of that name."""
        query = select(batches.c.id).where(batches.c.project == project, batches.c.name == name)
        with self._read() as connection:
            query = query.order_by(batches.c.seq.desc()).limit(1)
            return connection.execute(query).scalar_one_or_none()

    def _by_file_name(self, connection: Connection, mine: Select[Any], name: str) -> StoredScan:
        called = or_(scans.c.name == name, scans.c.name.startswith(f"{name}.", autoescape=True))
        rows = connection.execute(mine.where(called).limit(2)).mappings().all() if name else []
        if not rows:
            raise no_scan()
        if len(rows) > 1:
            raise Conflict(
                "Several images bear this file name.",
                expected="An id, or a name that one image alone bears.",
                hint="Ask for the image by its id; the datastore's list has it.",
            )
        return scan_of(rows[0])


def _named(project: str, name: str) -> Select[Any]:
    """Id of the scan of that name; a session's ends with it."""
    mine = (image_names.c.project == project) & (image_names.c.name == name)
    return select(image_names.c.scan).where(mine, or_(image_names.c.expiry_s.is_(None), _lives()))


def _lives() -> Any:
    return image_names.c.used_at + image_names.c.expiry_s >= time.time()
