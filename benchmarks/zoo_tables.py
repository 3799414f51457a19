"""Writes the tables of the zoo's networks from their cards: README.md, docs/reference/networks.md.

    python -P benchmarks/zoo_tables.py [--out FOLDER]

The text between `<!-- made from the cards -->` and `<!-- end -->` is replaced.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from models.card import ModelCard
from models.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- made from the cards -->", "<!-- end -->"
TITLES = {
    "dice": "Dice",
    "ap_50": "AP (IoU 0.5)",
    "ap": "AP (IoU 0.5 to 0.9)",
    "seg": "SEG",
    "pixel_error": "pixel error",
    "v_rand": "V-Rand",
}
"""Scores that the README shows, and their titles."""


def main() -> None:
    """Writes both pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT, help="folder to write to")
    out = parser.parse_args().out
    cards = [model.card for model in Registry().all()]
    for name, table in (("README.md", short(cards)), ("docs/reference/networks.md", long(cards))):
        page = (ROOT / name).read_text("utf-8")
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(replaced(page, "\n".join(table)), "utf-8")


def replaced(page: str, text: str) -> str:
    """The page with `text` between its only pair of markers."""
    pattern = re.compile(f"({BEGIN}\n).*?({END})", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise SystemExit(f"The page must contain exactly once: {BEGIN} ... {END}")
    return pattern.sub(lambda match: f"{match[1]}{text}\n{match[2]}", page)


def short(cards: Sequence[ModelCard]) -> list[str]:
    """A row for each network, with its main scores in both precisions."""
    lower = " or ".join(sorted({card.accuracy.precision for card in cards if card.accuracy}))
    rows = [f"| model | | segments | accuracy: fp32 / {lower} |", "|---|---|---|---|"]
    for card in cards:
        record = card.accuracy
        scores = "not recorded"
        if record is not None:
            pairs = ((TITLES[name], name) for name in TITLES if name in record.fp32)
            scores = "; ".join(
                f"{title}: {record.fp32[name]:.4f} / {record.lower[name]:.4f}"
                for title, name in pairs
            )
        rows.append(f"| `{card.name}` | {card.dimension}D | {card.title} | {scores} |")
    return rows


def long(cards: Sequence[ModelCard]) -> list[str]:
    """A row for each score of each network, and one for its sample."""
    rows = [
        "| network | cases | score | fp32 | lower | difference |",
        "|---|---|---|---|---|---|",
    ]
    for card in cards:
        record = card.accuracy
        if record is None:
            continue
        first = [f"`{card.name}`, {record.precision}", f"{record.cases}. {record.data}"]
        for name, exact in record.fp32.items():
            lower = record.lower[name]
            figures = (f"{exact:.4f}", f"{lower:.4f}", f"{lower - exact:+.4f}")
            rows.append(f"| {' | '.join((*first, name, *figures))} |")
            first = ["", ""]
        lowest = min(record.sample.values())
        rows.append(f"| | | sample, lowest Dice | | {lowest:.4f} | margin {record.margin:g} |")
    return rows


if __name__ == "__main__":
    main()
