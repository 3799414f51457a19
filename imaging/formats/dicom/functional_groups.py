"""Attributes of a frame: its own, those that all frames share, and the header's."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag, Tag


def frame_groups(header: Dataset, number: int) -> list[Dataset]:
    """Data sets with a frame's attributes, by precedence: per frame, shared, the header."""
    groups = []
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames:
        groups += [item[0] for item in _sequences(frames[number])]
    shared = header.get("SharedFunctionalGroupsSequence")
    if shared:
        groups += [item[0] for item in _sequences(shared[0])]
    return [*groups, header]


def _sequences(group: Dataset) -> Iterator[Any]:
    """The functional group macros, each a sequence of one item, and those nested in them."""
    for tag in group.keys():  # noqa: SIM118 - items would be decoded, also those of no use here
        if tag.group % 2 == 0 and _may_be_sequence(group, tag):
            element = group[tag]
            if element.VR == "SQ" and element.value:
                yield element.value
                yield from _sequences(element.value[0])


def _may_be_sequence(group: Dataset, tag: BaseTag) -> bool:
    """By the file, or by the dictionary where the file states no VR; decodes no value."""
    vr = group.get_item(tag).VR
    if vr is None or vr == "UN":
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    return bool(vr == "SQ")


def attribute(header: Dataset, number: int, name: str) -> Any:
    """The value of a frame's attribute, its own or a shared one; None where there is none.

    Frames are numbered from 0.
    """
    return find(frame_groups(header, number), name)


def find(groups: list[Dataset], name: str) -> Any:
    """The first value of an attribute in `frame_groups`; None where there is none."""
    tag = _tag(name)
    return next((g[tag].value for g in groups if tag in g and g[tag].value is not None), None)


@cache
def _tag(keyword: str) -> BaseTag:
    """Once for each keyword: a data set would look it up at each access."""
    return Tag(keyword)
