"""The page about traces names the attributes that spans may have, and no others."""

import re
from typing import get_args

from jobs.tracing.attributes import Attribute
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "how-to" / "traces.md").read_text()


def test_the_page_has_every_attribute() -> None:
    table = PAGE.partition("## Attributes")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)) == get_args(Attribute)
