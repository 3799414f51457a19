"""A trial of the routing table: what would happen to files that a sender sends.

Nothing is stored. It uses the same rules, intake and check of models as the series router.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.dicom.instance import is_image
from imaging.formats.dicom.instance_identity import InstanceIdentity, identify
from imaging.formats.dicom.unpack import dicom_files
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import verify
from imaging.scan import Scan
from jobs.account import FIRST_PROJECT
from models.registry import Registry
from service.resources.routing_table import RoutingRule, RoutingTable
from service.use_cases.job_orders import check_dimension
from service.use_cases.route_options import intake_options, options_of

_SECRET = b"no pseudonym of a trial is kept"


@dataclass(frozen=True, slots=True)
class ScanTrial:
    """One volume or image that a series would become."""

    title: str
    """A name without patient data."""
    shape: tuple[int, ...]
    """Its spatial shape."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobTrial:
    """A job that a rule would start."""

    scan: ScanTrial
    fault: TesseraError | None
    """Why it would not start."""


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What one rule would do."""

    number: int
    """From 0, as in the errors of the routing table."""
    rule: RoutingRule
    mismatches: tuple[str, ...]
    """The keys that do not match: patterns, and `projects`."""
    applies: bool
    """False if a pattern does not match, or for `otherwise` if another rule applies."""
    jobs: tuple[JobTrial, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesTrial:
    """What would happen to one series."""

    modality: str
    files: int
    rejected: int
    """Files of other storage classes, which C-STORE does not accept."""
    rules: tuple[RuleTrial, ...]
    scans: tuple[ScanTrial, ...]
    """Every scan that would be stored."""
    refusals: tuple[TesseraError, ...]
    """Why the series, or parts of it, would not become a scan."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What would happen to all files."""

    series: tuple[SeriesTrial, ...]
    unreadable: int
    """Number of DICOM files that cannot be read, which C-STORE refuses."""


@dataclass(frozen=True, slots=True)
class RouteTrial:
    """Tries a routing table."""

    routing: RoutingTable
    registry: Registry
    limits: Limits
    folder: Path
    """A scratch folder, which the caller deletes."""
    project: str = FIRST_PROJECT
    """The project for which the files are received."""

    def run(self, paths: Sequence[Path], calling: str | None = None) -> TrialResult:
        """What would happen to the DICOM files in `paths`, series by series.

        `calling`: the sender's AE title; None: the one in the files, if there is one. Raises
        UnreadableScan for a damaged archive, ScanTooLarge.
        """
        groups: dict[tuple[str, str], list[tuple[InstanceIdentity, Path]]] = {}
        unreadable = 0
        (self.folder / "unpacked").mkdir()
        for file in dicom_files(paths, self.folder / "unpacked", self.limits):
            try:
                identity = identify(file.path)
            except UnreadableScan:
                unreadable += 1
                continue
            if calling is not None:
                identity = replace(identity, sender=calling)
            groups.setdefault((identity.sender, identity.series), []).append((identity, file.path))
        series = (self._series(number, group) for number, group in enumerate(groups.values()))
        return TrialResult(tuple(series), unreadable)

    def _series(self, number: int, group: Sequence[tuple[InstanceIdentity, Path]]) -> SeriesTrial:
        accepted = [path for identity, path in group if is_image(identity.sop_class)]
        identity = group[0][0]
        rules = self.routing.of(self.project).rules_for(identity) if accepted else []
        taken: dict[ScanSelection, list[ScanTrial]] = {}
        refusals: list[TesseraError] = []
        for position, wanted in enumerate(intake_options(rules) if accepted else ()):
            folder = self.folder / f"series-{number}-{position}"
            folder.mkdir()
            taken[wanted] = []
            try:
                scans, refused = incoming_scans(accepted, folder, self.limits, wanted, _SECRET)
                taken[wanted] = [_scan(one, self.limits) for one in scans]
                refusals += [one.error for one in refused]
            except TesseraError as error:
                refusals.append(error)
        stored = {replace(wanted, max_volumes=None): n for wanted, n in taken.items() if n}
        return SeriesTrial(
            modality=identity.modality or "DICOM",
            files=len(group),
            rejected=len(group) - len(accepted),
            rules=tuple(self._rules(identity, rules, taken)),
            scans=tuple(scan for scans in stored.values() for scan in scans),
            refusals=tuple(refusals),
        )

    def _rules(
        self,
        identity: InstanceIdentity,
        applying: Sequence[RoutingRule],
        taken: Mapping[ScanSelection, Sequence[ScanTrial]],
    ) -> Iterator[RuleTrial]:
        for number, rule in enumerate(self.routing.rule):
            others = () if rule.serves(self.project) else ("projects",)
            mismatches = (*others, *rule.mismatches(identity))
            if rule not in applying:
                yield RuleTrial(number, rule, mismatches, applies=False)
                continue
            scans = taken[options_of(rule)]
            jobs = () if rule.model is None else tuple(self._job(rule.model, n) for n in scans)
            yield RuleTrial(number, rule, mismatches, applies=True, jobs=jobs)

    def _job(self, model: str, scan: ScanTrial) -> JobTrial:
        card = self.registry.get(model).card
        try:
            check_dimension(card.channels[0].name, len(scan.shape), card)
        except TesseraError as error:
            return JobTrial(scan, error)
        return JobTrial(scan, None)


def _scan(incoming: IncomingScan, limits: Limits) -> ScanTrial:
    scan: Scan = incoming.scan or verify(incoming.path, limits)
    return ScanTrial(incoming.name or "scan", scan.grid, scan.warnings)
