"""Documents that must keep up with the code."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from models.nets.config import Block, UNetConfig
from models.nets.cost import cost
from models.nets.receptive_field import receptive_field
from models.registry import ZOO, Registry

ROOT = Path(__file__).parents[2]
HOOK = (ROOT / "scripts/site/hook.py").read_text()
GENERATED = {
    form.format(name)
    for name in re.findall(r'"reference/([\w-]+\.md)":', HOOK)
    for form in ("{}", "../reference/{}")
}
"""Links to pages that are made while the site is built; building it verifies them."""
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        if "://" not in target and target not in GENERATED:
            assert (page.parent / target).exists(), target


def test_the_blocks_of_the_table_cost_what_arithmetic_tells() -> None:
    text = (ROOT / "docs" / "explanation" / "networks.md").read_text()
    rows = re.findall(r"^\| `(\w+)` .* \| ([\d,]+) \| ([\d,]+) \| (\d+) \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == list(get_args(Block))
    unet = UNetConfig.of_widths((16, 32, 64), dimension=3, out_channels=3, batch_norm=True)
    for block, parameters, work, halo in rows:
        other = replace(unet, block=block)
        costs = cost(other)
        assert parameters == f"{costs.parameters:,}"
        assert work == f"{costs.multiply_adds_per_voxel:,.0f}"
        assert halo == str(receptive_field(other).halo)


def test_the_readme_tells_the_cards_own_figures() -> None:
    text = (ROOT / "README.md").read_text()
    shipped = [model for model in Registry().all() if model.folder.parent == ZOO]
    assert len(shipped) >= 2
    for model in shipped:
        (row,) = re.findall(rf"^\| `{model.card.name}` .*$", text, re.MULTILINE)
        record = model.card.accuracy
        assert record is not None
        assert f"Dice: {record.fp32['dice']:.4f} / {record.lower['dice']:.4f}" in row
