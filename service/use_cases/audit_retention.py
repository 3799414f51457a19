"""Retention of the audit trail: old events are removed behind a signed statement."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from jobs.audit.signing import Signer
from jobs.repository import AuditRemovals, LegalHolds, RetentionReports
from jobs.retention.report import Tally
from jobs.retention.rule import RetentionRule


@dataclass(frozen=True, slots=True)
class AuditRetention:
    """Removes events that are older than a rule says.

    While there is any legal hold, none is removed: the trail is one chain, and says what was done
    to what the hold covers.
    """

    removals: AuditRemovals
    holds: LegalHolds
    reports: RetentionReports
    signer: Callable[[], Signer]
    """Returns the signer of the trail; called only if something is due."""

    def due(self, rule: RetentionRule) -> Tally:
        """The events that are due."""
        return Tally() if self.holds.all() else self.removals.due(_before_ms(rule))

    def remove(self, rule: RetentionRule, report: str, stops: Callable[[], bool]) -> int | None:
        """Removes them in portions and counts them; the number of the last event of a new
        statement, None without one."""
        if not self.due(rule).number:
            return None
        stated = self.removals.state(_before_ms(rule), self.signer())
        while not stops() and self.removals.remove_stated(report):
            self.reports.renew(report)
        return None if stated is None else stated.seq


def _before_ms(rule: RetentionRule) -> int:
    return int((time.time() - rule.keep_s) * 1000)
