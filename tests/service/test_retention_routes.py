"""Rules, holds and reports over HTTP, and what a deletion says of a hold."""

import numpy as np

from jobs.retention.report import ReportKind
from jobs.retention.rule import Basis, RetentionKind, RetentionRule
from tests.support.answers import check_problem
from tests.support.corrections import Corrector
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SHAPE = (5, 6, 7)


def test_a_hold_is_shown_and_stops_every_deletion(gateway: Gateway) -> None:
    http = gateway.client
    scan = gateway.scan(nifti_bytes(SHAPE, seed=411))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    run_job(gateway, job, np.ones(SHAPE, np.uint8))
    draft = Corrector(gateway, job)
    draft.begin()
    wanted = {"kind": "scan", "target": scan, "reason": "Case 17."}
    answer = http.post("/v1/holds", json=wanted)
    assert answer.status_code == 201, answer.text
    hold = answer.json()
    assert {name: hold[name] for name in wanted} == wanted
    assert http.get(f"/v1/scans/{scan}/uses").json()["holds"] == [hold]
    assert hold in http.get("/v1/holds").json()["holds"]
    for path in (f"/v1/scans/{scan}", draft.path + "?reader=Ann"):
        problem = check_problem(http.delete(path), 409)
        assert problem["type"] == "urn:tessera:legal-hold"
        assert "Case 17." in str(problem["detail"])
        assert hold["id"] in str(problem["hint"])
    check_problem(http.post("/v1/holds", json=wanted), 409)
    check_problem(http.post("/v1/holds", json={**wanted, "target": ""}), 422)

    lifted = http.delete(f"/v1/holds/{hold['id']}").json()
    assert lifted["lifted_by"]
    assert hold["id"] not in http.get("/v1/holds").text
    assert hold["id"] in http.get("/v1/holds?lifted=true").text
    assert http.delete(f"/v1/scans/{scan}").status_code == 204
    events = http.get(f"/v1/audit?object={hold['id']}").json()["events"]
    assert [event["action"] for event in events] == ["configuration"] * 2


def test_rules_and_reports_are_shown(gateway: Gateway) -> None:
    rule = RetentionRule("local", RetentionKind.UPLOADS, Basis.LAST_USE, 3600.0, "command line")
    with gateway.repository() as rows:
        rows.retention_rules.set(rule)
        report = rows.retention_reports.begin(ReportKind.RULES, "test")
        rows.retention_reports.count(report, ("local", "uploads"), 5, 86_400.0)
        rows.retention_reports.count(report, ("other", "uploads"), 6, 86_400.0)
        rows.retention_reports.finish(report)
        (shown,) = gateway.client.get("/v1/retention").json()["rules"]
        rows.retention_rules.unset("local", RetentionKind.UPLOADS)
    assert (shown["kind"], shown["after"], shown["keep_s"]) == ("uploads", "last-use", 3600.0)
    page = gateway.client.get("/v1/retention/reports").json()["reports"]
    assert [one["tallies"] for one in page if one["id"] == report] == [
        [
            {
                "kind": "uploads",
                "number": 1,
                "bytes": 5,
                **dict.fromkeys(("oldest", "newest"), "1970-01-02T00:00:00Z"),
            }
        ]
    ]
