"""What clients of the MONAI Label API store with an image or a label: JSON of their own."""

import json
from collections.abc import Mapping
from typing import Any

from imaging.errors import BadRequest

MOST_BYTES = 1 << 20
"""Of one object as JSON. A request is as long at most, but each adds to what is stored."""


def merged_info(stored: Mapping[str, Any] | None, added: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored, with the members that a client adds, as in MONAI Label: members of other
    names stay, so that one client does not delete what another has stored.

    Raises BadRequest if that is too much.
    """
    merged = {**(stored or {}), **added}
    if len(json.dumps(merged)) > MOST_BYTES:
        raise BadRequest(
            "Too much is stored with this image or label.",
            expected=f"At most {MOST_BYTES:,} bytes of JSON.",
            hint="Store less, or replace the value of a member that is there.",
        )
    return merged
