"""Parts frames of one orientation into volumes: time points, echoes, b-values, acquisitions."""

from collections.abc import Iterable, Sequence
from itertools import combinations, groupby, pairwise
from typing import Any

import numpy as np

from imaging.formats.dicom.duplicate_slices import without_duplicates
from imaging.formats.dicom.frame import VOLUME_ATTRIBUTES, Frame
from imaging.formats.dicom.stack import Stack

_MOST_PAIRED = 8
"""Number of attributes of which pairs are tried."""
_ORDERING = (
    *("TriggerTime", "NominalCardiacTriggerDelayTime", "TemporalPositionTimeOffset"),
    *("FrameReferenceTime", "FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime"),
    *("ContentTime", "AcquisitionNumber", "InstanceNumber"),
)
"""Attributes by whose order the frames at one position belong to volumes."""
_CONSTANT = (
    *("EffectiveEchoTime", "EchoTime", "EchoNumbers", "FrameType", "ImageType"),
    *("DiffusionBValue", "InversionTime", "StackID", "TemporalPositionIndex"),
    "TemporalPositionIdentifier",
)
"""Attributes that do not vary within a volume."""
_LABELS = {
    "TemporalPositionIndex": "time point",
    "TemporalPositionIdentifier": "time point",
    "EchoNumbers": "echo",
    "EchoTime": "echo time",
    "EffectiveEchoTime": "echo time",
    "DiffusionBValue": "b-value",
    "InversionTime": "inversion time",
    "TriggerTime": "trigger time",
    "AcquisitionNumber": "acquisition",
}
"""Attributes whose values, which are numbers, name a volume."""
_SURE = (*_CONSTANT, "DiffusionGradientOrientation")
"""Attributes of which different values never belong to copies of a slice."""
_MOST_ACQUISITIONS = 8
_LEAST_SLICES = 3


def volumes_of(frames: list[Frame]) -> list[Stack]:
    """One stack per volume, in order; `Stack.check` reports what is wrong with it."""
    if any(frame.geometry is None for frame in frames):
        return [Stack.of(same) for _, same in groupby(frames, key=lambda n: id(n.instance))]
    together = Stack.of(frames)
    positions = _positions(together)
    if len(positions) == len(frames):
        return _interleaved(together)
    volumes = (
        _separated(together, positions, _SURE)
        or _once(positions)
        or _separated(together, positions, VOLUME_ATTRIBUTES)
        or _in_order(positions)
        or _in_runs(positions)
    )
    return [together] if volumes is None else _counted(volumes)


def _positions(stack: Stack) -> list[list[Frame]]:
    """The frames at each position along the normal."""
    steps = np.diff(stack.depths) >= stack.same_mm
    bounds = [0, *(np.flatnonzero(steps) + 1).tolist(), len(stack.frames)]
    return [list(stack.frames[a:b]) for a, b in pairwise(bounds)]


def _once(positions: list[list[Frame]]) -> list[Stack] | None:
    """One volume without the copies of its slices; None where they are no copies."""
    kept = without_duplicates(positions)
    stack = None if kept is None else Stack.of(kept)
    if stack is None or not stack.is_volume:
        return None
    copies = sum(map(len, positions)) - len(stack.frames)
    return [
        stack.with_notes(
            f"{copies} slice{'s were' if copies > 1 else ' was'} left out: another slice with the "
            "same position and the same pixels is in the series."
        )
    ]


def _separated(
    together: Stack, positions: list[list[Frame]], attributes: Sequence[str]
) -> list[Stack] | None:
    """As many volumes as there are frames at a position, by one attribute or a pair of them."""
    most, frames = max(map(len, positions)), together.frames
    varying = _varying(frames, attributes)
    for names in [*((n,) for n in varying), *combinations(varying[:_MOST_PAIRED], 2)]:
        parts = _split(frames, names)
        if len(parts) == most and all(_at_distinct_positions(part) for _, part in parts):
            return [Stack.of(part, _label(names, key)) for key, part in parts]
    return None


def _in_order(positions: list[list[Frame]]) -> list[Stack] | None:
    """As many volumes as there are frames at every position, by the order of an attribute."""
    most = len(positions[0])
    if any(len(same) != most for same in positions):
        return None
    for name in _ORDERING:
        ranked = _ranked(positions, name)
        if ranked is not None:
            return [Stack.of(part, f"{n} of {most}") for n, part in enumerate(ranked, 1)]
    return None


def _in_runs(positions: list[list[Frame]]) -> list[Stack] | None:
    """Volumes one after the other in time or by number, where one of them may be incomplete.

    A new volume begins where a position comes again.
    """
    most = max(map(len, positions))
    place = {frame.identity: n for n, frames in enumerate(positions) for frame in frames}
    frames = [frame for same in positions for frame in same]
    for name in _ORDERING:
        keys = {frame.identity: _number(frame.volume_attributes[name]) for frame in frames}
        if any(key[0] for key in keys.values()) or len(set(keys.values())) < len(frames):
            continue
        volumes = _runs(_ordered(frames, keys), place)
        if len(volumes) == most and not any(map(_is_mixed, volumes)):
            return [Stack.of(v, f"{n} of {most}") for n, v in enumerate(volumes, 1)]
    return None


def _runs(frames: Iterable[Frame], place: dict[Any, int]) -> list[list[Frame]]:
    """Frames in order, divided where a position (of its number in `place`) comes again."""
    volumes: list[list[Frame]] = [[]]
    covered: set[int] = set()
    for frame in frames:
        at = place[frame.identity]
        if at in covered:
            volumes.append([])
            covered = set()
        volumes[-1].append(frame)
        covered.add(at)
    return volumes


def _ordered(frames: list[Frame], keys: dict[Any, Any]) -> list[Frame]:
    return sorted(frames, key=lambda frame: keys[frame.identity])


def _is_mixed(volume: Sequence[Frame]) -> bool:
    """Whether the frames of a volume differ in an echo, a b-value or another such attribute."""
    return any(len({frame.volume_attributes[n] for frame in volume}) > 1 for n in _CONSTANT)


def _counted(volumes: list[Stack]) -> list[Stack]:
    """Adds a note to volumes that have fewer slices than others."""
    most = max(len(volume.frames) for volume in volumes)
    return [
        volume
        if len(volume.frames) == most
        else volume.with_notes(
            f"The volume has {len(volume.frames)} slices, where another volume of the series has "
            f"{most}."
        )
        for volume in volumes
    ]


def _ranked(positions: list[list[Frame]], name: str) -> list[list[Frame]] | None:
    """Volume n has the n-th frame of each position, in the order of an attribute.

    None where values are missing or equal, or where a volume would mix echoes or b-values.
    """
    columns = []
    for frames in positions:
        keys = [_number(frame.volume_attributes[name]) for frame in frames]
        if len(set(keys)) < len(keys) or any(key[0] for key in keys):
            return None
        order = sorted(range(len(frames)), key=keys.__getitem__)
        columns.append([frames[n] for n in order])
    volumes = [list(volume) for volume in zip(*columns, strict=True)]
    return None if any(map(_is_mixed, volumes)) else volumes


def _interleaved(together: Stack) -> list[Stack]:
    """Echoes that alternate from slice to slice; acquisitions that together are uneven."""
    echoes = _split(together.frames, ("EchoNumbers",))
    if len(echoes) > 1:
        return [Stack.of(part, _label(("EchoNumbers",), key)) for key, part in echoes]
    if len(together.frames) < 2 * _LEAST_SLICES or together.is_volume:
        return [together]
    for name in _varying(together.frames, VOLUME_ATTRIBUTES):
        parts = [
            Stack.of(part, _label((name,), key)) for key, part in _split(together.frames, (name,))
        ]
        volumes = all(len(n.frames) >= _LEAST_SLICES and n.is_volume for n in parts)
        if volumes and len(parts) <= _MOST_ACQUISITIONS and _overlap(parts):
            return parts
    return [together]


def _overlap(parts: Sequence[Stack]) -> bool:
    """Whether the extents of all parts overlap, along the normal of the first."""
    normal = parts[0].geometry.normal
    depths = [part.positions @ normal for part in parts]
    return bool(max(n.min() for n in depths) < min(n.max() for n in depths))


def _varying(frames: Iterable[Frame], attributes: Sequence[str]) -> list[str]:
    frames = list(frames)
    return [n for n in attributes if len({f.volume_attributes[n] for f in frames}) > 1]


def _split(
    frames: Iterable[Frame], names: tuple[str, ...]
) -> list[tuple[tuple[Any, ...], list[Frame]]]:
    """The frames by the values of some attributes, in the order of the values."""
    parts: dict[tuple[Any, ...], list[Frame]] = {}
    for frame in frames:
        parts.setdefault(tuple(frame.volume_attributes[name] for name in names), []).append(frame)
    return [(key, parts[key]) for key in sorted(parts, key=_natural)]


def _label(names: tuple[str, ...], key: tuple[Any, ...]) -> str:
    """The values by which a volume was separated, where they are plain numbers."""
    return ", ".join(
        f"{_LABELS[name]} {_number(value)[1]:g}"
        for name, value in zip(names, key, strict=True)
        if name in _LABELS and value is not None and not _number(value)[0]
    )


def _natural(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sorts numbers by value, and before text."""
    return tuple(_number(part) for part in key)


def _number(part: Any) -> tuple[int, float, str]:
    try:
        return (0, float(part), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(part))


def _at_distinct_positions(frames: Iterable[Frame]) -> bool:
    stack = Stack.of(frames)
    return not (np.diff(stack.depths) < stack.same_mm).any()
