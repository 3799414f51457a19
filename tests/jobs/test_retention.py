"""Retention: rules, holds and their transactions, on both databases."""

from jobs.repository import Repository


def test_smoke(stocked: Repository) -> None:
    from jobs.retention.rule import Basis, RetentionKind, RetentionRule

    r = RetentionRule("ada", RetentionKind.SCANS, Basis.LAST_USE, 10.0)
    assert [d.id for d in stocked.due_scans.due(r, 1e12)] == ["scan"]
    for b in Basis:
        list(stocked.due_scans.due(RetentionRule("ada", RetentionKind.SCANS, b, 10.0), 1e12))
        list(stocked.due_jobs.due(RetentionRule("ada", RetentionKind.MASKS, b, 10.0), 1e12))
        list(stocked.due_previews.due(RetentionRule("ada", RetentionKind.MASKS, b, 10.0), 1e12))
    list(stocked.due_drafts.due(RetentionRule("ada", RetentionKind.DRAFTS, b, 10.0), 1e12))
    stocked.drafts.remove_expired(1)
    assert stocked.scans.uses("ada", "scan").holds == ()
    stocked.scans.delete("ada", "scan")
