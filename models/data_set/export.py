"""Exports judged masks as a data set: pseudonymous, divided by subject, resumable.

FOLDER/images, FOLDER/labels    the cases, as `tessera train --data` reads them
FOLDER/held-out.txt             names of the cases to measure on, for `tessera evaluate --cases`
FOLDER/manifest.json            every case with its hashes, its job and its verdict
FOLDER/.cases/NAME.json         which cases are complete, to continue an interrupted export
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from imaging.errors import BadRequest
from imaging.formats.atomic import raising_storage_full, replacing
from models.any_card import AnyCard
from models.data_set.case_files import Unsuitable, image_folders, write_case
from models.data_set.judged_case import JudgedCase, JudgedMasks, compiled
from models.data_set.manifest import MANIFEST, DataSetCase, Manifest, counted
from models.data_set.subjects import held_out, subjects_of

HELD_OUT_FILE = "held-out.txt"
_RECORDS = ".cases"

OnCase = Callable[[int, int], None]
"""Is called with the cases that are done, and all cases."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a user may choose."""

    held_out_share: float = 0.2
    """Share of all hashes of subjects that is held out, above 0 and below 1."""
    subject_pattern: str = ""
    """Regular expression whose first group in a scan's file name is the subject; empty: none."""


def export_data_set(
    source: JudgedMasks,
    card: AnyCard,
    checksums: Collection[str],
    folder: Path,
    options: ExportOptions | None = None,
    on_case: OnCase = lambda _done, _all: None,
) -> Manifest:
    """Writes the judged masks of a model into `folder`, and returns the manifest.

    `card`: of the model, whose labels the masks have. `checksums`: of the networks whose masks are
    taken: those of the model's versions. Of several masks of one scan, the newest verdict's is
    taken. An export into the folder of an earlier one adds and replaces what changed since, and
    continues an interrupted one. Raises BadRequest where nothing can be exported or the folder has
    other content, StorageFull where the disk is full.
    """
    options = options or ExportOptions()
    _check_folder(folder, card)
    cases, left_out = chosen_cases(source.cases(), checksums)
    if not cases:
        raise nothing_to_export(card, left_out)
    pattern = compiled(options.subject_pattern) if options.subject_pattern else None
    keys = [{scan.subject_key(pattern) for scan in case.scans.values()} for case in cases]
    with raising_storage_full():
        (folder / _RECORDS).mkdir(parents=True, exist_ok=True)
        files = _write(source, cases, card, folder, left_out, on_case)
        kept = [n for n, case in enumerate(cases) if case.job in files]
        if not kept:
            raise nothing_to_export(card, left_out)
        subjects = subjects_of([keys[n] for n in kept])
        share, earlier = _earlier(folder)
        share = max(options.held_out_share, share)
        sides = held_out(subjects, share, [_name(cases[n]) in earlier for n in kept])
        pseudonyms = _pseudonyms(cases, kept, subjects)
        rows = {
            _name(cases[n]): _row(cases[n], files[cases[n].job], subject, is_held_out=side)
            for n, subject, side in zip(kept, pseudonyms, sides, strict=True)
        }
        manifest = _manifest(card, share, rows, left_out)
        _finish(folder, manifest)
    return manifest


def chosen_cases(
    judged: Iterable[JudgedCase], checksums: Collection[str]
) -> tuple[list[JudgedCase], Counter[str]]:
    """The cases to export, oldest verdict first, and why others are left out."""
    left_out: Counter[str] = Counter()
    newest: dict[tuple[str, ...], JudgedCase] = {}
    for case in judged:
        if reason := _unsuitable(case, checksums):
            left_out[reason] += 1
            continue
        scans = tuple(scan.sha256 for scan in case.scans.values())
        other = newest.get(scans)
        if other is not None:
            left_out["a newer verdict on the same scan"] += 1
        if other is None or case.judged_at > other.judged_at:
            newest[scans] = case
    return sorted(newest.values(), key=lambda case: (case.judged_at, case.job)), left_out


def _unsuitable(case: JudgedCase, checksums: Collection[str]) -> str:
    if case.model_sha256 not in checksums:
        return "made by another network of the same name"
    if case.cropped:
        return "only a part of the scan was segmented"
    return "" if case.has_mask else "corrected without a mask"


def _write(
    source: JudgedMasks,
    cases: Sequence[JudgedCase],
    card: AnyCard,
    folder: Path,
    left_out: Counter[str],
    on_case: OnCase,
) -> dict[str, dict[str, str]]:
    """Job -> the files of its case, for all that could be written; others are counted."""
    values = None if card.instances is not None else [label.value for label in card.labels]
    files: dict[str, dict[str, str]] = {}
    for number, case in enumerate(cases):
        on_case(number, len(cases))
        written = _complete(folder, case)
        if written is None:
            try:
                with source.opened(case) as (scans, mask):
                    written = write_case(folder, _name(case), scans, mask, values)
            except Unsuitable as error:
                left_out[str(error)] += 1
                continue
            _record(folder, case, written)
        files[case.job] = written
    on_case(len(cases), len(cases))
    return files


def _complete(folder: Path, case: JudgedCase) -> dict[str, str] | None:
    """The files of a case that an earlier export has written from the same review."""
    try:
        record = json.loads((folder / _RECORDS / f"{_name(case)}.json").read_bytes())
        files: dict[str, str] = dict(record["files"])
        same = record["review"] == case.review
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if same and all((folder / path).is_file() for path in files) else None


def _record(folder: Path, case: JudgedCase, files: dict[str, str]) -> None:
    with replacing(folder / _RECORDS / f"{_name(case)}.json") as file:
        file.write(json.dumps({"review": case.review, "files": files}).encode())


def _finish(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest, and deletes files of cases that are no longer part of it."""
    wanted = {path for case in manifest.cases for path in case.files}
    parents = {Path(path).parent for path in wanted} | {
        Path(path) for path in image_folders(manifest.channels).values()
    }
    for parent in parents:
        left = (folder / parent).glob(".part-*")  # of a process that was killed
        for file in [*(folder / parent).glob("case-*"), *left]:
            if file.is_file() and (parent / file.name).as_posix() not in wanted:
                file.unlink()
    names = "".join(f"{case.name}\n" for case in manifest.of_side("held-out"))
    with replacing(folder / HELD_OUT_FILE) as listing:
        listing.write(names.encode())
    manifest.save(folder)


def _manifest(
    card: AnyCard, share: float, rows: dict[str, DataSetCase], left_out: Counter[str]
) -> Manifest:
    return Manifest(
        model=card.name,
        dimension=card.dimension,
        channels=tuple(channel.name for channel in card.requested_channels),
        labels=card.labels,
        instances=card.instances is not None,
        held_out_share=share,
        counts=counted(rows),
        left_out=dict(sorted(left_out.items())),
        cases=tuple(rows[name] for name in sorted(rows)),
    )


def _row(
    case: JudgedCase, files: dict[str, str], subject: str, *, is_held_out: bool
) -> DataSetCase:
    return DataSetCase(
        name=_name(case),
        subject=subject,
        side="held-out" if is_held_out else "training",
        verdict=case.verdict,
        job=case.job,
        review=case.review,
        model=case.model,
        model_version=case.model_version,
        model_sha256=case.model_sha256,
        files=files,
    )


def _name(case: JudgedCase) -> str:
    """A pseudonym that follows from the job's random id."""
    return f"case-{_short(case.job)}"


def _pseudonyms(
    cases: Sequence[JudgedCase], kept: Sequence[int], subjects: Sequence[frozenset[str]]
) -> list[str]:
    """A pseudonym of each subject, which follows from random ids of jobs alone: that of a hash of
    a name or a content could be found by trying."""
    first: dict[frozenset[str], str] = {}
    for n, subject in zip(kept, subjects, strict=True):
        first[subject] = min(cases[n].job, first.get(subject, cases[n].job))
    return [f"subject-{_short(first[subject])}" for subject in subjects]


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _earlier(folder: Path) -> tuple[float, set[str]]:
    """The share of an earlier export into the folder, and its held-out cases: neither a smaller
    share nor other subjects may move them to training."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return 0.0, set()
    return manifest.held_out_share, {case.name for case in manifest.of_side("held-out")}


def _check_folder(folder: Path, card: AnyCard) -> None:
    """Raises BadRequest for a folder with anything else than a data set of this model."""
    if (folder / MANIFEST).is_file() and Manifest.load(folder).model == card.name:
        return
    visible = folder.is_dir() and any(not file.name.startswith(".") for file in folder.iterdir())
    if visible and not (folder / _RECORDS).is_dir():
        raise BadRequest(
            f"The folder {folder.name} is not empty.",
            expected="A new folder, or that of an earlier export of the same model.",
            hint="Give another folder with -o.",
        )


def nothing_to_export(card: AnyCard, left_out: Counter[str]) -> BadRequest:
    """The error for a model without a judged mask that can be exported."""
    why = "; ".join(f"{number}: {reason}" for reason, number in sorted(left_out.items()))
    return BadRequest(
        f"There is no accepted or corrected mask of {card.name} to export."
        + (f" Left out are {why}." if why else ""),
        expected="Finished jobs of the model whose masks readers accepted or corrected.",
        hint="Review masks first, or name the project and the model of such jobs.",
    )
