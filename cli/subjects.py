"""The scans of each mask: channel -> scan."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from cli.input_scans import InputScan, input_scans
from cli.segmenters import Segmenter
from imaging.errors import BadRequest
from imaging.formats.incoming import ScanSelection


def subjects_of(scans: tuple[Path, ...], channels: tuple[str, ...]) -> list[dict[str, InputScan]]:
    """Channel -> scan, for each mask; the key of a scan without a channel is ''."""
    if bool(scans) == bool(channels):
        raise BadRequest(
            "Both SCANS and --channel are given." if channels else "There is no scan.",
            expected="Either scans, or a scan for each channel with --channel NAME=SCAN.",
            hint="Give one of the two.",
        )
    if not channels:
        return [{"": scan} for scan in input_scans(scans)]
    return [{name: _channel_scan(value) for name, value in channel_values(channels).items()}]


def _channel_scan(value: str) -> InputScan:
    """The scan of a channel: a path, or `PATH#N` for part N of a file that holds several scans."""
    path, sign, number = value.rpartition("#")
    if not sign or Path(value).exists() or not (number.isdecimal() and int(number) > 0):
        return input_scans([Path(value)])[0]
    return replace(input_scans([Path(path)])[0], choice={"volume": int(number)})


def channel_values(channels: Sequence[str]) -> dict[str, str]:
    """The values of --channel by name; raises BadRequest for one that is not NAME=VALUE, and for a
    name that is given twice."""
    pairs = [pair.partition("=") for pair in channels]
    names = [name for name, _, _ in pairs]
    if any(not name or not path for name, _, path in pairs):
        raise BadRequest(
            "A value of --channel has no name or no scan.",
            expected="--channel NAME=SCAN.",
            hint="For example --channel t1=t1.nii.gz.",
        )
    if len(set(names)) < len(names):
        raise BadRequest(
            "Two values of --channel have the same name.",
            expected="A different name for each channel.",
            hint="Give each channel once.",
        )
    return {name: value for name, _, value in pairs}


def check_channels(stated: Collection[str], channels: Sequence[str]) -> None:
    """Raises BadRequest if --channel names one that the model does not have."""
    unknown = sorted(set(stated) - set(channels))
    if unknown:
        raise BadRequest(
            f"The model has no channel {unknown[0]}.",
            expected=f"--channel with one of: {', '.join(channels)}.",
            hint="Correct the name before the equals sign.",
        )


def each_of(
    subjects: list[dict[str, InputScan]], selection: ScanSelection, *, bids: bool
) -> list[dict[str, InputScan]]:
    """A subject for every scan in the files of a model with one channel."""
    if bids or any(set(subject) != {""} for subject in subjects):
        raise BadRequest(
            "--each cannot be combined with --channel or --bids.",
            expected="Scans for a model with one channel.",
            hint="Choose each channel by --channel NAME=SCAN#N, or by --series and --stack.",
        )
    return [{"": one} for subject in subjects for one in subject[""].each(selection)]


def grids_of(subjects: list[dict[str, InputScan]], segmenter: Segmenter) -> list[InputScan]:
    """The scan of each subject that defines the mask's grid: that of the model's first channel."""
    if all(len(subject) == 1 for subject in subjects):
        return [scan for subject in subjects for scan in subject.values()]
    first = segmenter.channels()[0]
    # The model refuses a subject without that channel later; until then any of its scans will do.
    return [subject.get(first, next(iter(subject.values()))) for subject in subjects]
