"""Legal holds as JSON of /v1."""

from jobs.retention.hold import Hold
from service.routes.times import time_of, time_or_none
from service.schemas import HoldOut


def hold_out(hold: Hold) -> HoldOut:
    """A legal hold."""
    return HoldOut(
        id=hold.id,
        kind=hold.kind,
        target=hold.target,
        reason=hold.reason,
        set_by=hold.set_by,
        set_at=time_of(hold.set_at),
        lifted_by=hold.lifted_by,
        lifted_at=time_or_none(hold.lifted_at),
    )
