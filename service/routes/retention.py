"""Retention rules, legal holds, and reports of what went, of the caller's project."""

from typing import Annotated

from fastapi import Query

from jobs.audit.event import AuditObject
from jobs.retention.report import Report
from jobs.retention.rule import RetentionRule
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import LegalHoldsDep, RetentionReportsDep, RetentionRulesDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.retention_serializers import hold_out
from service.routes.times import time_of, time_or_none
from service.schemas import (
    Cursor,
    HoldId,
    HoldIn,
    HoldOut,
    HoldsOut,
    PageLimit,
    RetentionReportOut,
    RetentionReportPage,
    RetentionRuleOut,
    RetentionRulesOut,
    RetentionTallyOut,
)

router = Router(tags=["service"])

_Manager = Annotated[Principal, Allowed(Permission.RETENTION_MANAGE)]


@router.get("/v1/retention")
def list_retention_rules(rules: RetentionRulesDep, principal: _Manager) -> RetentionRulesOut:
    """How long the project keeps data; `tessera retention set` sets it."""
    return RetentionRulesOut(rules=[_rule_out(one) for one in rules.all(principal.project)])


@router.get("/v1/retention/reports")
def list_retention_reports(
    reports: RetentionReportsDep,
    principal: _Manager,
    cursor: Cursor = None,
    limit: PageLimit = 50,
) -> RetentionReportPage:
    """What went in the project by rules and by erasures, newest first."""
    page, next_cursor = reports.page(cursor, limit, principal.project)
    return RetentionReportPage(reports=[_report_out(one) for one in page], next_cursor=next_cursor)


@router.get("/v1/holds")
def list_holds(
    holds: LegalHoldsDep,
    principal: _Manager,
    lifted: Annotated[bool, Query(description="Also holds that were lifted.")] = False,
) -> HoldsOut:
    """The legal holds of the project, oldest first."""
    return HoldsOut(holds=[hold_out(one) for one in holds.all(principal.project, lifted=lifted)])


@router.post("/v1/holds", status_code=201)
def set_hold(
    body: HoldIn, holds: LegalHoldsDep, audited: AuditedDep, principal: _Manager
) -> HoldOut:
    """Sets a legal hold on a scan, a patient or the project.

    What it covers is not deleted until the hold is lifted: a request is answered with 409
    `legal-hold`, and rules leave it out. A hold on a patient covers scans that arrive later, too.
    """
    who = principal.reader or principal.name
    hold = holds.set(principal.project, body.kind, body.target, body.reason, who)
    audited.add(AuditObject.LEGAL_HOLD, hold.id)
    return hold_out(hold)


@router.delete("/v1/holds/{hold_id}")
def lift_hold(hold_id: HoldId, holds: LegalHoldsDep, principal: _Manager) -> HoldOut:
    """Lifts a legal hold, which stays in the list of those that were lifted."""
    return hold_out(holds.lift(hold_id, principal.reader or principal.name, principal.project))


def _rule_out(rule: RetentionRule) -> RetentionRuleOut:
    return RetentionRuleOut(
        kind=rule.kind,
        after=rule.basis,
        keep_s=rule.keep_s,
        set_by=rule.set_by,
        set_at=time_of(rule.set_at),
    )


def _report_out(report: Report) -> RetentionReportOut:
    return RetentionReportOut(
        id=report.id,
        kind=report.kind,
        requested_by=report.requested_by,
        started_at=time_of(report.started_at),
        finished_at=time_or_none(report.finished_at),
        tallies=[
            RetentionTallyOut(
                kind=kind,
                number=tally.number,
                bytes=tally.bytes,
                oldest=time_of(tally.oldest),
                newest=time_of(tally.newest),
            )
            for (_, kind), tally in report.tallies.items()
        ],
    )
