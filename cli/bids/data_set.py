"""The images of a BIDS data set, as subjects for a model."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.bids.file_name import BidsName, parsed_name
from cli.subjects import check_channels
from imaging.errors import BadRequest

DESCRIPTION = "dataset_description.json"


@dataclass(frozen=True, slots=True)
class BidsImage:
    """An image of a data set."""

    path: Path
    name: BidsName


def is_data_set(path: Path) -> bool:
    """Whether a path is the root of a BIDS data set."""
    return (path / DESCRIPTION).is_file()


def stated(root: Path) -> Mapping[str, Any]:
    """The description of a data set; raises BadRequest where it cannot be read."""
    try:
        return json_object(root / DESCRIPTION)
    except (OSError, ValueError) as error:
        raise _unreadable() from error


def json_object(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file; raises OSError, or ValueError for any other content."""
    try:
        value = json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what json.loads raises, too
    return value


def subjects(
    root: Path, channels: Sequence[str], suffixes: Mapping[str, str]
) -> tuple[list[dict[str, Path]], int]:
    """Channel -> image, for each image of the first channel; and how many lack another channel.

    `suffixes`: channel -> suffix, such as `T1w`, for channels where the user states one. For the
    others the suffix follows from the channel's name or from the data set. Raises BadRequest where
    it does not, and where there is no image.
    """
    check_channels(suffixes, channels)
    images = list(_images(root))
    alone = len(channels) == 1
    chosen = {name: suffixes.get(name) or _suffix(images, name, alone=alone) for name in channels}
    first, *others = channels
    by_session = defaultdict(list)
    for image in images:
        by_session[image.name.session, image.name.suffix].append(image)
    result, incomplete = [], 0
    for image in (one for one in images if one.name.suffix == chosen[first]):
        matches = {
            name: _match(image, by_session[image.name.session, chosen[name]]) for name in others
        }
        complete = {name: match for name, match in matches.items() if match is not None}
        if len(complete) == len(others):
            result.append({first: image.path, **complete})
        else:
            incomplete += 1
    if not result:
        raise BadRequest(
            "The data set has no image for every channel of the model.",
            expected=f"Images that end in {', '.join(f'_{one}.nii.gz' for one in chosen.values())} "
            "for one subject and session.",
            hint="Choose the images by their suffix, with --channel NAME=SUFFIX.",
        )
    return result, incomplete


def _images(root: Path) -> Iterator[BidsImage]:
    """The images in sub-*/[ses-*/]TYPE/, sorted; derivatives and source data are left out."""
    for pattern in ("sub-*/*/*.nii*", "sub-*/ses-*/*/*.nii*"):
        for path in sorted(root.glob(pattern)):
            name = parsed_name(path)
            if name is not None and path.parent == root / name.folder:
                yield BidsImage(path, name)


def _suffix(images: Sequence[BidsImage], channel: str, *, alone: bool) -> str:
    """The suffix of a channel: that of its name (t1: T1w), or, for the only channel, the only one
    of the data set."""
    suffixes = sorted({image.name.suffix for image in images})
    alike = [one for one in suffixes if one.lower().removesuffix("w") == channel.removesuffix("w")]
    for candidates in (alike, suffixes if alone else []):
        if len(candidates) == 1:
            return candidates[0]
    raise BadRequest(
        f"The data set has images of the kinds {', '.join(suffixes) or 'none'}, and it is not "
        f"stated which of them the channel {channel} takes.",
        expected="A suffix for each channel of the model.",
        hint=f"Add --channel {channel}={suffixes[0] if suffixes else 'T1w'}.",
    )


def _match(image: BidsImage, of_session: Sequence[BidsImage]) -> Path | None:
    """The image of the session with the same entities; else the only one."""
    same = [other for other in of_session if other.name.entities == image.name.entities]
    candidates = same or of_session
    return candidates[0].path if len(candidates) == 1 else None


def _unreadable() -> BadRequest:
    return BadRequest(
        f"The {DESCRIPTION} of the data set cannot be read.",
        expected="A JSON object, as BIDS describes it.",
        hint="Correct the file.",
    )
