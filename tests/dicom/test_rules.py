"""The routing table: what it says, and the errors of a wrong one."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom import Dataset

from imaging.errors import BadRequest, NotFound
from imaging.formats.dicom.instance_identity import InstanceIdentity
from imaging.formats.limits import Limits
from jobs.settings import Settings
from models.combination import Combination, PaintedLabel, Part
from models.registry import Registry
from service.auth import LocalAdministrator
from service.dicom.series_inbox import SeriesInbox
from service.dicom.series_router import SeriesRouter
from service.resources.peer_login import Login
from service.resources.routing_table import RoutingTable
from service.resources.scratch import Scratch
from service.resources.usable_models import UsableModels
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.orders import Orders
from service.use_cases.route_trial import RouteTrial
from service.use_cases.scan_intake import IntakeResult, ScanIntake, ScanSelection, TakenScan
from tests.support.dicom.metrics import dicom_metrics
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.rows import make_scan
from tests.support.waiting import until

PEER = '[[peer]]\nname = "archive"\ndicomweb = "http://127.0.0.1:8042/dicom-web"\n'
PEER_OF_ALL = PEER.replace("archive", "store")
RULE = '[[rule]]\nmodel = "hippocampus-mri-3d"\n'


def load(tmp_path: Path, text: str) -> RoutingTable:
    path = tmp_path / "routes.toml"
    path.write_text(text)
    return RoutingTable.load(path)


def route(
    inbox: SeriesInbox, routes: RoutingTable, intake: Any, scratch: Scratch, orders: Any = None
) -> None:
    """Routes the complete series of the inbox, without a database."""
    metrics = dicom_metrics()
    who, recorder = LocalAdministrator(), AuditRecorder(None)
    router = SeriesRouter(inbox, routes, intake, orders, scratch, who, metrics, recorder)
    until(inbox.complete)
    router.step()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[peer]\n", "line 1"),
        ("[[rule]]\nmodel = 'a'\nmodel = 'b'\n", "line 3"),
        (PEER + RULE + 'to = ["nobody"]\n', "rule.0.to"),
        (RULE + "priority = 10\n", "rule.0.priority"),
        (RULE + "modalty = 'MR'\n", "rule.0.modalty"),
        (RULE + "formats = ['dicom-sg']\n", "rule.0.formats.0"),
        (RULE + "formats = []\n", "rule.0.formats"),
        (RULE + "max_volumes = 0\n", "rule.0.max_volumes"),
        ("[[rule]]\npriority = 1\n", "rule.0.model"),
        (PEER + PEER, "the same name"),
        ("[[rule]]\notherwise = true\nto = ['archive']\n", "rule.0.to"),
        ('[[peer]]\nname = "a"\n', "peer.0"),
        (PEER + "storage_commitment = true\n", "storage_commitment needs host"),
        ('[[peer]]\nname = "a"\nhost = "h"\nport = 104\n', "given together"),
        ('[[peer]]\nname = "a"\nhost = "h"\nport = 104\nae_title = "X\\\\Y"\n', "ae_title"),
        ('[[peer]]\nname = "a b"\ndicomweb = "http://h"\n', "peer.0.name"),
        ('[[peer]]\nname = "a"\ndicomweb = "ftp://h"\n', "peer.0.dicomweb"),
        (
            PEER + 'username_env = "NO_SUCH_VARIABLE"\npassword_env = "NOR_THIS"\n',
            "NO_SUCH_VARIABLE",
        ),
        (PEER + 'username_env = "HOME"\n', "given together"),
        (PEER + "projects = []\n", "peer.0.projects"),
        (RULE + 'projects = ["Lung study"]\n', "rule.0.projects.0"),
        (PEER + 'projects = ["a"]\n' + RULE + 'to = ["archive"]\n', "rule.0.to"),
        (
            PEER + 'projects = ["a"]\n' + RULE + 'to = ["archive"]\nprojects = ["a", "b"]\n',
            "rule.0.to",
        ),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadRequest) as refused:
        load(tmp_path, text)
    assert told in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        RoutingTable.load(tmp_path / "none.toml")
    assert RoutingTable.load(None) == RoutingTable()


@pytest.mark.parametrize("model", ["none-such", "two", "whole"])
def test_models_are_looked_up(tmp_path: Path, model: str) -> None:
    """A model that is not there, wants two scans or lacks a part cannot be routed to."""
    from tests.support.cards import card

    (tmp_path / "two").mkdir()
    card("two", 3, "t1", "t2").save(tmp_path / "two" / "card.json")
    (tmp_path / "whole").mkdir()
    part = Part(model="gone", labels=(PaintedLabel(label=1, value=1),))
    whole = Combination(name="whole", version="1", title="x", parts=(part,))
    whole.save(tmp_path / "whole" / "card.json")
    routes = load(tmp_path, f'[[rule]]\nmodel = "{model}"\n')
    with pytest.raises(BadRequest) as refused:
        routes.check(Registry(tmp_path))
    assert "rule.0.model" in str(refused.value)


def found(**changes: str) -> InstanceIdentity:
    values = {
        "sop_instance": "1.2",
        "series": "1.3",
        "modality": "MR",
        "sender": "MR 2",
        "description": "T1 mprage [sag]",
        "body_part": "BRAIN",
    }
    return InstanceIdentity(**values | changes)


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ("", True),
        ('modality = "mr"', True),
        ('modality = "CT"', False),
        ('description = "*MPRAGE*"\ncalling = "mr ?"', True),
        ('description = "mprage"', False),
        ('body_part = "head"\nmodality = "MR"', False),
        ('body_part = "[bh]*"', True),
        ('calling = "CT*"', False),
    ],
)
def test_all_given_patterns_must_match(tmp_path: Path, patterns: str, matches: bool) -> None:
    (rule,) = load(tmp_path, f"{RULE}{patterns}\n").rule
    assert rule.matches(found()) is matches


def test_every_rule_that_matches(tmp_path: Path) -> None:
    routes = load(tmp_path, f"{PEER}{RULE}{RULE}priority = 9\n{RULE}modality = 'CT'\n")
    first, second = routes.rules_for(found())
    assert (first.priority, second.priority) == (5, 9)
    assert first.digest != second.digest
    assert first.formats == ("dicom-seg",)
    assert routes.peer_named("archive").name == "archive"
    with pytest.raises(NotFound):
        routes.peer_named("other")


def test_a_rule_for_what_no_other_matches(tmp_path: Path) -> None:
    """It applies only if every rule without `otherwise` does not, wherever it stands."""
    otherwise = '[[rule]]\notherwise = true\nmodality = "MR"\ndeidentify = true\n'
    routes = load(tmp_path, f'{otherwise}{RULE}body_part = "HEART"\n{RULE}modality = "CT"\n')
    routes.check(Registry())
    rest, heart, ct = routes.rule
    assert routes.rules_for(found()) == [rest]
    assert routes.rules_for(found(body_part="HEART")) == [heart]
    assert routes.rules_for(found(modality="CT")) == [ct]
    assert routes.rules_for(found(modality="US")) == []
    assert (rest.model, rest.deidentify) == (None, True)


def test_a_rule_without_a_model_takes_the_series_in(tmp_path: Path) -> None:
    """By its options, and without a job."""
    inbox = SeriesInbox(Settings(data=tmp_path, dicom_series_idle_s=0.01))
    (image,) = series(1)
    inbox.receive([as_bytes(image)], image.SOPInstanceUID, 1)
    inbox.association_ended(1, released=True)
    wanted: list[object] = []

    class Intake:
        def take_in(self, _project: str, _files: object, options: object) -> IntakeResult:
            wanted.append(options)
            return IntakeResult([TakenScan(make_scan(), created=True)])

    routes = load(tmp_path, f'[[rule]]\notherwise = true\ndeidentify = true\n{RULE}modality="CT"\n')
    scratch = Scratch(tmp_path / "scratch")
    route(inbox, routes, Intake(), scratch)
    assert wanted == [ScanSelection(each=True, frames=False, deidentify=True)]
    assert inbox.complete() == []
    assert not list((tmp_path / "refused").rglob("problem.json"))
    scratch.close()
    inbox.close()


def test_a_rule_of_another_project_is_not_followed(tmp_path: Path) -> None:
    """It would start a job, for which there is no database here."""
    inbox = SeriesInbox(Settings(data=tmp_path, dicom_series_idle_s=0.01))
    taken: list[ScanSelection] = []

    class Intake:
        def take_in(self, _: str, __: object, wanted: ScanSelection) -> IntakeResult:
            taken.append(wanted)
            return IntakeResult([TakenScan(make_scan(), created=True)])

    routes = load(tmp_path, RULE + 'projects = ["other"]\ndeidentify = true\n')
    (image,) = series(1)
    inbox.receive([as_bytes(image)], image.SOPInstanceUID, 1)
    inbox.association_ended(1, released=True)
    scratch = Scratch(tmp_path / "scratch")
    route(inbox, routes, Intake(), scratch)
    scratch.close()
    assert [wanted.deidentify for wanted in taken] == [False]
    assert not list((tmp_path / "refused").rglob("problem.json"))
    inbox.close()


def test_a_rule_with_a_model_of_other_projects_starts_no_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The series becomes a scan, and the log says why there is no job."""
    inbox = SeriesInbox(Settings(data=tmp_path, dicom_series_idle_s=0.01))
    (image,) = series(1)
    inbox.receive([as_bytes(image)], image.SOPInstanceUID, 1)
    inbox.association_ended(1, released=True)
    unused: Any = None
    limited = {make_scan().project: frozenset({"nuclei-2d"})}
    orders = Orders(unused, unused, unused, UsableModels(Registry(), lambda: limited), unused)

    class Intake:
        def take_in(self, *_: object) -> IntakeResult:
            return IntakeResult([TakenScan(make_scan(), created=True)])

    scratch = Scratch(tmp_path / "scratch")
    route(inbox, load(tmp_path, RULE), Intake(), scratch, orders)
    scratch.close()
    assert "A rule for hippocampus-mri-3d cannot be followed: There is no model" in caplog.text
    assert not list((tmp_path / "refused").rglob("problem.json"))
    inbox.close()


def time_points(count: int) -> list[Dataset]:
    """A classic series of three slices at each time point."""
    volumes = [
        series(3, 8, seed, TemporalPositionIdentifier=seed, NumberOfTemporalPositions=count)
        for seed in range(1, count + 1)
    ]
    images = [image for volume in volumes for image in volume]
    for image in images:
        image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.1", "2.25.2"
        image.FrameOfReferenceUID = "2.25.3"
    return images


def test_a_series_of_too_many_volumes_is_one_problem(tmp_path: Path) -> None:
    """At the limit it is taken in, above it is refused as a whole; each rule has a limit."""
    paths = []
    for number, image in enumerate(time_points(17)):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(as_bytes(image))

    def refused_by(name: str, text: str, files: list[Path]) -> tuple[list[str], int, int]:
        (tmp_path / name).mkdir()
        trial = RouteTrial(load(tmp_path, text), Registry(), Limits(), tmp_path / name)
        (found,) = trial.run(files).series
        return [str(n) for n in found.refusals], len(found.scans), len(found.rules[0].jobs)

    assert refused_by("fits", RULE, paths[: 16 * 3]) == ([], 16, 16)
    assert refused_by("raised", f"{RULE}max_volumes = 17\n", paths) == ([], 17, 17)
    (problem,), scans, jobs = refused_by("more", RULE, paths)
    assert (scans, jobs) == (0, 0)
    assert "holds 17 volumes" in problem
    assert "At most 16 volumes" in problem
    assert "Raise `max_volumes`" in problem
    both = f"{RULE}{RULE}max_volumes = 20\n{RULE}max_volumes = 30\n"
    (problem,), scans, jobs = refused_by("both", both, paths)
    assert (scans, jobs) == (17, 0)
    assert "At most 16 volumes" in problem


def test_a_received_series_of_too_many_volumes_is_refused(tmp_path: Path) -> None:
    """Nothing is stored; the folder of the series says what to do."""
    inbox = SeriesInbox(Settings(data=tmp_path, dicom_series_idle_s=0.01))
    for image in time_points(3):
        inbox.receive([as_bytes(image)], image.SOPInstanceUID, 1)
    inbox.association_ended(1, released=True)
    scratch, unused = Scratch(tmp_path / "scratch"), cast("Any", None)
    intake = ScanIntake(
        scans=unused, blobs=unused, scratch=scratch, limits=Limits(), metrics=unused,
        same=unused, masks=unused, secret=lambda _: b"",
    )  # fmt: skip
    route(inbox, load(tmp_path, f"{RULE}max_volumes = 2\n"), intake, scratch)
    (problem,) = [json.loads(n.read_text()) for n in (tmp_path / "refused").rglob("problem.json")]
    assert problem["type"] == "urn:tessera:several-scans"
    assert "holds 3 volumes" in problem["detail"]
    scratch.close()
    inbox.close()


def test_each_project_has_its_part_of_the_table(tmp_path: Path) -> None:
    """Peers and rules of others are as unknown as those that are not there."""
    theirs, otherwise = 'projects = ["a"]\n', "[[rule]]\notherwise = true\n"
    routes = load(
        tmp_path, f'{PEER}{theirs}{RULE}{theirs}to = ["archive"]\n{otherwise}{PEER_OF_ALL}'
    )
    assert routes.projects == {"a"}
    assert [peer.name for peer in routes.of("a").peer] == ["archive", "store"]
    assert routes.of("a").rules_for(found()) == [routes.rule[0]]
    others = routes.of("b")
    assert [peer.name for peer in others.peer] == ["store"]
    assert others.rules_for(found()) == [routes.rule[1]]
    with pytest.raises(NotFound) as theirs_:
        others.peer_named("archive")
    with pytest.raises(NotFound) as nobodys:
        others.peer_named("nobody")
    assert str(theirs_.value) == str(nobodys.value)


def test_the_projects_of_a_rule_change_no_jobs(tmp_path: Path) -> None:
    (all_,) = load(tmp_path, RULE).rule
    (limited,) = load(tmp_path, RULE + 'projects = ["a"]\n').rule
    assert all_.digest == limited.digest


def test_the_limit_of_volumes_changes_no_jobs(tmp_path: Path) -> None:
    (rule,), (raised,) = (load(tmp_path, RULE + more).rule for more in ("", "max_volumes = 99\n"))
    assert rule.digest == raised.digest


def test_the_identity_of_a_rule_does_not_change_with_the_version(tmp_path: Path) -> None:
    """An older gateway's jobs are found again: the digest is that of the keys that it had."""
    (rule,) = load(tmp_path, f'{RULE}modality = "MR"\n').rule
    keys: dict[str, object] = {
        "calling": "*",
        "modality": "MR",
        "description": "*",
        "body_part": "*",
    }
    keys |= {"model": "hippocampus-mri-3d", "priority": 5, "to": [], "formats": ["dicom-seg"]}
    text = json.dumps(keys | {"deidentify": False, "resample": False}, separators=(",", ":"))
    assert rule.digest == hashlib.sha256(text.encode()).hexdigest()
    (rest,) = load(tmp_path, f'{RULE}modality = "MR"\notherwise = true\n').rule
    assert rest.digest != rule.digest


def test_passwords_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_USER", "tessera")
    monkeypatch.setenv("PACS_PASSWORD", "not to be told")
    (peer,) = load(
        tmp_path, PEER + 'username_env = "PACS_USER"\npassword_env = "PACS_PASSWORD"\n'
    ).peer
    assert peer.login() == Login("tessera", "not to be told")
    assert "not to be told" not in repr(peer)


def test_the_file_of_the_documentation(tmp_path: Path) -> None:
    """It can be copied as it stands."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "pacs.md").read_text()
    (text,) = re.findall(r"```toml title[^\n]*\n(.*?)```", page, re.DOTALL)
    routes = load(tmp_path, text)
    routes.check(Registry())
    assert [peer.name for peer in routes.peer] == ["archive", "workstation"]
    first, second = routes.rule
    wanted = found(sender="ORTHANC", description="T1 Hippocampus cor")
    assert routes.rules_for(wanted) == [first, second]
