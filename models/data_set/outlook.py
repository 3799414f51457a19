"""What an export of judged masks would contain, before anything is written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from imaging.errors import BadRequest
from models.any_card import AnyCard
from models.data_set.export import ExportOptions, chosen_cases, nothing_to_export
from models.data_set.judged_case import JudgedCase
from models.data_set.subjects import held_out, place, subjects_of


@dataclass(frozen=True, slots=True)
class Outlook:
    """The numbers of a data set, as far as they are known without reading a mask."""

    accepted: int = 0
    corrected: int = 0
    training_cases: int = 0
    training_subjects: int = 0
    held_out_cases: int = 0
    held_out_subjects: int = 0
    held_out_share: float = 0.0
    """Share with which each side has at least one subject."""
    left_out: Mapping[str, int] | None = None
    """Reason -> number of judged masks that are left out for it."""
    problem: BadRequest | None = None
    """Why there is no data set yet."""


def outlook(judged: Iterable[JudgedCase], card: AnyCard, checksums: Collection[str]) -> Outlook:
    """The data set of these masks of a model; `card` and `checksums` as for `export_data_set`."""
    cases, left_out = chosen_cases(judged, checksums)
    if not cases:
        return Outlook(left_out=left_out, problem=nothing_to_export(card, left_out))
    verdicts = [case.verdict for case in cases]
    known = Outlook(
        accepted=verdicts.count("accepted"),
        corrected=verdicts.count("corrected"),
        left_out=left_out,
    )
    keys = [{scan.subject_key() for scan in case.scans.values()} for case in cases]
    subjects = subjects_of(keys)
    share = _share(subjects)
    try:
        sides = held_out(subjects, share, [False] * len(subjects))
    except BadRequest as problem:
        return replace(known, problem=problem)
    measured = [subject for subject, side in zip(subjects, sides, strict=True) if side]
    learned = [subject for subject, side in zip(subjects, sides, strict=True) if not side]
    return replace(
        known,
        training_cases=len(learned),
        training_subjects=len(set(learned)),
        held_out_cases=len(measured),
        held_out_subjects=len(set(measured)),
        held_out_share=share,
    )


def _share(subjects: Iterable[frozenset[str]]) -> float:
    """The usual share, or with few subjects one that holds out exactly one of them."""
    usual = ExportOptions().held_out_share
    places = sorted({place(subject) for subject in subjects})
    below = sum(one < usual for one in places)
    if len(places) < 2 or 0 < below < len(places):
        return usual
    return (places[0] + places[1]) / 2
